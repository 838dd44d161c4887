import JSON
import OCI
import Testing

@Suite struct ImageDocumentTests {
    static let a = "sha256:" + String(repeating: "a", count: 64)
    static let b = "sha256:" + String(repeating: "b", count: 64)
    static let descriptor = #"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(a)","size":7}"#

    static func manifest(_ extra: String = "") -> [UInt8] {
        Array(#"{"schemaVersion":2,"config":\#(descriptor),"layers":[\#(descriptor)]\#(extra)}"#.utf8)
    }

    @Test func manifestKeepsUnknownMembers() throws {
        let manifest = try ImageManifest(parsing: Self.manifest(#","x-new":{"deep":[1,2]},"annotations":{"k":"v"}"#))
        #expect(manifest.config.size == 7)
        #expect(manifest.layers.count == 1)
        #expect(manifest.annotations == ["k": "v"])
        #expect(manifest.json["x-new"] == ["deep": [1, 2]])
        #expect(try ImageManifest(parsing: manifest.json.serialized()) == manifest)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":1}"#, #"{"schemaVersion":2}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:zz","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"\#(a)","size":-1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"\#(a)","size":99999999999999999999},"layers":[]}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":{}}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[7]}"#,
        #"{"schemaVersion":2,"config":\#(descriptor),"layers":[],"manifests":[]}"#,
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":\#(descriptor),"layers":[]}"#,
    ])
    func refusesManifest(_ text: String) {
        #expect(throws: JSONError.self) { try ImageManifest(parsing: Array(text.utf8)) }
    }

    @Test func refusesHugeAndDeepDocuments() {
        let huge = Self.manifest(#","x":"\#(String(repeating: "a", count: 4 << 20))""#)
        #expect(throws: JSONError.self) { try ImageManifest(parsing: huge) }
        let deep = Self.manifest(
            #","x":\#(String(repeating: "[", count: 100_000))\#(String(repeating: "]", count: 100_000))"#)
        #expect(throws: JSONError.self) { try ImageManifest(parsing: deep) }
    }

    @Test func indexChoosesByPlatform() throws {
        func entry(_ digest: String, _ platform: String) -> String {
            #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(digest)","size":1,"platform":\#(platform),"unknown":1}"#
        }
        let text = """
            {"schemaVersion":2,"manifests":[
            \(entry(Self.a, #"{"os":"unknown","architecture":"unknown"}"#)),
            \(entry(Self.b, #"{"os":"linux","architecture":"amd64","os.version":"9"}"#))]}
            """
        let index = try ImageIndex(parsing: Array(text.utf8))
        #expect(try index.manifest(for: Platform(parsing: "linux/amd64"))?.digest.description == Self.b)
        #expect(try index.manifest(for: Platform(parsing: "linux/arm64")) == nil)
        #expect(index.json["manifests"]?.arrayValue?.last?["unknown"] == 1)
        #expect(try ImageIndex(parsing: index.json.serialized()) == index)
        #expect(throws: JSONError.self) {
            try ImageIndex(parsing: Array(#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.utf8))
        }
    }

    @Test func configurationReadsWhatDockerWrites() throws {
        let text = """
            {"architecture":"amd64","os":"linux","variant":"v2","created":"2024-05-01T10:00:00.123456789Z","author":"me",
            "docker_version":"28.0","container_config":{"Cmd":null},
            "config":{"User":"1000:50","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["PATH=/bin","A=b=c"],
            "Entrypoint":["/e"],"Cmd":["c","d"],"Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"k":"v"},
            "StopSignal":"SIGQUIT","Healthcheck":{"Test":["CMD-SHELL","x"],"Interval":30000000000,"Retries":3},
            "ArgsEscaped":true,"OnBuild":["RUN x"],"Shell":["/bin/bash","-c"],"StopTimeout":5,"Unknown":[1]},
            "rootfs":{"type":"layers","diff_ids":["\(Self.a)","\(Self.b)"]},
            "history":[{"created_by":"ADD x"},{"created_by":"CMD","empty_layer":true}]}
            """
        let image = try ImageConfiguration(parsing: Array(text.utf8))
        #expect(image.platform.description == "linux/amd64/v2")
        #expect(image.config.user == "1000:50")
        #expect(image.config.exposedPorts.sorted() == ["53/udp", "80/tcp"])
        #expect(image.config.environment == ["PATH=/bin", "A=b=c"])
        #expect(image.config.entrypoint == ["/e"])
        #expect(image.config.command == ["c", "d"])
        #expect(image.config.volumes == ["/data"])
        #expect(image.config.workingDirectory == "/w")
        #expect(image.config.labels == ["k": "v"])
        #expect(image.config.stopSignal == "SIGQUIT")
        #expect(image.config.stopTimeout == 5)
        #expect(image.config.healthcheck?.interval == 30_000_000_000)
        #expect(image.config.argumentsEscaped)
        #expect(image.config.onBuild == ["RUN x"])
        #expect(image.config.shell == ["/bin/bash", "-c"])
        #expect(image.diffIDs.map(\.description) == [Self.a, Self.b])
        #expect(image.history.map(\.emptyLayer) == [false, true])
        #expect(image.other["docker_version"] == "28.0")
        #expect(image.config.other["Unknown"] == [1])
        #expect(try ImageConfiguration(parsing: image.json.serialized()) == image)
    }

    @Test func configurationTakesNulls() throws {
        let text = #"""
            {"config":{"Cmd":null,"Env":null,"Volumes":null,"Labels":null,"Entrypoint":null,"OnBuild":null},
            "rootfs":{"type":"layers","diff_ids":null},"history":null}
            """#
        let image = try ImageConfiguration(parsing: Array(text.utf8))
        #expect(image.config.command == nil)
        #expect(image.diffIDs.isEmpty)
    }

    @Test(arguments: [
        "{}", #"{"rootfs":{"type":"tarballs","diff_ids":[]}}"#, #"{"rootfs":{"diff_ids":["x"]}}"#,
        #"{"rootfs":{"diff_ids":[]},"config":{"Env":"A=b"}}"#, #"{"rootfs":{"diff_ids":[]},"config":{"Cmd":[1]}}"#,
        #"{"rootfs":{"diff_ids":[]},"config":[]}"#,
    ])
    func refusesConfiguration(_ text: String) {
        #expect(throws: JSONError.self) { try ImageConfiguration(parsing: Array(text.utf8)) }
    }
}

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, 0), ("2024-02-29T12:34:56.5Z", 1_709_210_096, 500_000_000),
        ("2024-02-29T14:34:56+02:00", 1_709_210_096, 0), ("1969-12-31T23:59:59.25Z", -1, 250_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("2000-03-01T00:00:00.123456789123Z", 951_868_800, 123_456_789),
    ])
    func reads(_ text: String, _ seconds: Int64, _ nanoseconds: Int32) {
        #expect(Timestamp(parsing: text) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
    }

    @Test func writesWhatItReads() {
        for seconds in stride(from: Int64(-62_100_000_000), to: 70_000_000_000, by: 86_399 * 17) {
            let time = Timestamp(seconds: seconds, nanoseconds: 120_000_000)
            #expect(Timestamp(parsing: time.description) == time)
        }
        #expect(Timestamp(seconds: 1_709_210_096, nanoseconds: 50).description == "2024-02-29T12:34:56.00000005Z")
    }

    @Test(arguments: [
        "", "2024", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00Zx",
    ])
    func refuses(_ text: String) { #expect(Timestamp(parsing: text) == nil) }
}
