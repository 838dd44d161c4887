import Archive
import JSON
import LinuxKernel
import OCI

/// Well-formed inputs.
enum Seeds {
    private static func tar(_ entries: [(TarEntry, [UInt8])]) -> [UInt8] {
        let sink = MemorySink()
        let writer = TarWriter(sink)
        for (entry, content) in entries { try? writer.write(entry, content: content) }
        try? writer.finish()
        return sink.bytes
    }

    static let tars: [[UInt8]] = [
        tar([(TarEntry(path: "a", kind: .regular), Array("content".utf8))]),
        tar([
            (
                TarEntry(
                    path: "d/", kind: .directory, mode: 0o755, uid: 70_000_000,
                    modificationTime: .init(seconds: -5, nanoseconds: 7)), []
            ),
            (TarEntry(path: "d/l", kind: .symbolicLink, linkTarget: "../x"), []),
            (TarEntry(path: "d/h", kind: .hardLink, linkTarget: "a"), []),
            (TarEntry(path: "d/c", kind: .characterDevice(major: 1, minor: 3)), []),
        ]),
        tar([
            (
                TarEntry(
                    path: PathBytes(String(repeating: "long/", count: 60) + "é"), kind: .regular,
                    attributes: [.init(name: "user.x", value: [0, 1, 255])]), Array(repeating: 7, count: 1500)
            )
        ]),
        sparse,
    ]

    /// A sparse file in form 1.0 by hand: the map in front of the data.
    private static var sparse: [UInt8] {
        let records = ["GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=s", "GNU.sparse.realsize=4096"]
        let text = records.map { record in
            var length = record.utf8.count + 3
            while String(length).utf8.count + record.utf8.count + 2 != length { length += 1 }
            return "\(length) \(record)\n"
        }.joined()
        var map = Array("1\n1024\n512\n".utf8)
        map += [UInt8](repeating: 0, count: 512 - map.count)
        var bytes = tar([
            (TarEntry(path: "PaxHeaders/s", kind: .regular), Array(text.utf8)),
            (TarEntry(path: "s", kind: .regular), map + [UInt8](repeating: 1, count: 512)),
        ])
        // The first entry becomes an extended header, with the checksum that goes with it.
        bytes[156] = UInt8(ascii: "x")
        let sum = (0..<512).reduce(0) { $0 + ((148..<156).contains($1) ? 32 : Int(bytes[$1])) }
        let digits = Array(String(sum, radix: 8).utf8)
        let field = [UInt8](repeating: 48, count: 6 - digits.count) + digits + [0, 32]
        bytes.replaceSubrange(148..<156, with: field)
        return bytes
    }

    static var compressed: [[UInt8]] {
        // "hello hello hello\n" by gzip(1), and an empty file by it.
        let gzip: [UInt8] = [
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb8, 0, 0x86,
            0xd1, 0x14,
            0xb1, 0x12, 0, 0, 0,
        ]
        let empty: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        return [gzip, empty, gzip + empty, zstd(Array(repeating: 65, count: 9000)), zstd(tars[1])]
    }

    private static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        let sink = MemorySink()
        guard let zstd = try? ZstdSink(sink) else { return [] }
        try? zstd.write(bytes)
        try? zstd.finish()
        return sink.bytes
    }

    static var records: [[UInt8]] {
        let header = Array("berth tar record 1\n".utf8)
        let item: [UInt8] = [3, 0, 0, 0, 1, 2, 3, 1, 0, 0, 0, 97, 9, 0, 0, 0, 0, 0, 0, 0]
        return [zstd(header + item), zstd(header), zstd(header + item + item)]
    }

    static let documents: [[UInt8]] = [
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:\#(hex)","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:\#(hex)","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}}]}"#,
        #"{"os":"linux","architecture":"amd64","config":{"Env":["A=b"],"Cmd":null,"ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:\#(hex)"]},"history":[{"created":"2024-01-01T00:00:00Z"}]}"#,
        #"[1,-2.5e3,18446744073709551615,"\u00e9\ud83d\ude00\n",true,null,{"a":{"b":[[]]}}]"#,
    ].map { Array($0.utf8) }

    private static let hex = String(repeating: "a1", count: 32)

    static let names: [[UInt8]] = [
        "ubuntu", "ghcr.io/org/app:1.2", "localhost:5000/a/b@sha256:\(hex)", "[::1]:5000/x", "sha256:\(hex)",
        "linux/arm/v7", "2024-05-01T12:00:00.5+02:00", "a__b/c-d.e:tag_1",
    ].map { Array($0.utf8) }

    static let templates: [[UInt8]] = [
        "{{.Name}}", "{{range $i, $e := .List}}{{$i}}={{$e}} {{else}}-{{end}}", "{{if eq .N 3}}{{json .}}{{end}}",
        "table {{.Name}}\\t{{.N}}", "{{printf \"%5.2f|%q\" .F .Name | upper}}{{/* c */}}",
        "{{with .Labels}}{{index . \"x\"}}{{end}}",
    ].map { Array($0.utf8) }

    static let changes: [[UInt8]] = [
        "CMD [\"/bin/sh\", \"-c\"]", "ENV A=b C=\"d e\"", "EXPOSE 80 53/udp", "HEALTHCHECK --interval=5s CMD true",
        "LABEL a=b", "VOLUME [\"/a\"]", "ONBUILD RUN x", "STOPSIGNAL 9",
    ].map { Array($0.utf8) }
}
