import JSON
import OCI
import Testing

@testable import ContainerRuntime
@testable import ControlGroups

/// What the runtime makes of options, without a kernel.
@Suite struct RuntimeOptionTests {
    @Test func numericUsers() {
        #expect(RuntimeProcess.ids("0")?.uid == 0 && RuntimeProcess.ids("0")?.gid == nil)
        #expect(RuntimeProcess.ids("1000:33")?.uid == 1000 && RuntimeProcess.ids("1000:33")?.gid == 33)
        #expect(RuntimeProcess.ids("4294967294")?.uid == 4_294_967_294)
        for text in [
            "", ":", "1:", ":1", "+1", "-1", " 1", "1 ", "0x1", "4294967295", "4294967296", "1:2:3", "root", "1\u{301}",
        ] {
            #expect(RuntimeProcess.ids(text) == nil, "\(text)")
        }
    }

    @Test func containerIds() {
        for id in ["a", "A_b+c-1.2", "0", String(repeating: "x", count: 200)] {
            #expect(StateDirectory.isValid(id), "\(id)")
        }
        for id in [
            "", ".", "..", "-a", "a/b", "a b", "a\0", "a\n", "ä", "a\u{301}", String(repeating: "x", count: 1025),
        ] {
            #expect(!StateDirectory.isValid(id), "\(id)")
        }
    }

    @Test func stateSurvivesWritingAndReading() throws {
        let text = #"""
            {"id":"a","bundle":"/b","ociVersion":"1.2.0","pid":7,"processStart":18446744073709551615,"controlGroup":"/g",
             "created":"now","annotations":{"x":"y"},"isStarted":true,"cpuQuota":-1,"cpuPeriod":5,"hasHooks":true,"new":1}
            """#
        let state = try RuntimeState(parsing: Array(text.utf8))
        let again = try RuntimeState(parsing: state.json.serialized())
        #expect(again.json == state.json)
        #expect(again.processStart == .max && again.cpuQuota == -1 && again.cpuPeriod == 5 && again.hasHooks)
        let shown = state.listing(.stopped, owner: "root")
        #expect(shown["pid"] == 0 && shown["status"] == "stopped" && shown["annotations"]?["x"] == "y")
        for broken in ["", "{", "[]", "{}", #"{"id":1,"bundle":"b"}"#, #"{"id":"a","bundle":"b","pid":"x"}"#] {
            #expect(throws: (any Error).self) { try RuntimeState(parsing: Array(broken.utf8)) }
        }
    }

    /// CRIU does not run on every kernel: what it would be asked is looked at here.
    @Test func checkpointCommandLines() throws {
        var options = CheckpointOptions(program: "criu")
        #expect(
            try options.dumpArguments(images: "/i", pid: 5, root: "/r", mounts: ["/data"]) == [
                "dump", "--tree", "5", "--images-dir", "/i", "--work-dir", "/i", "-v4", "--manage-cgroups=soft",
                "--log-file",
                "dump.log", "--root", "/r", "--external", "mnt[/data]:/data",
            ])
        options.workPath = "/w"
        options.leavesRunning = true
        options.allowsConnections = true
        options.allowsOuterSockets = true
        options.allowsOuterTerminal = true
        options.keepsFileLocks = true
        options.isLazy = true
        options.dropsDuplicates = true
        options.groupMode = "strict"
        options.leavesNetworkEmpty = true
        options.parentPath = "../before"
        options.pageServer = "10.0.0.1:77"
        options.statusDescriptor = 9
        let words = try options.dumpArguments(images: "/i", pid: 5, root: "/r", mounts: [])
        for flag in [
            "--leave-running", "--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--lazy-pages",
            "--auto-dedup",
            "--manage-cgroups=strict", "--empty-ns", "--prev-images-dir", "--track-mem", "--page-server", "--status-fd",
        ] { #expect(words.contains(flag), "\(flag)") }
        options.isPreDump = true
        let before = try options.dumpArguments(images: "/i", pid: 5, root: "/r", mounts: [])
        #expect(before.first == "pre-dump" && !before.contains("--leave-running"))
        options.pageServer = "nowhere"
        #expect(throws: RuntimeError.self) { try options.dumpArguments(images: "/i", pid: 5, root: "/r", mounts: []) }
        options.pageServer = nil
        options.parentPath = "/absolute"
        #expect(throws: RuntimeError.self) { try options.dumpArguments(images: "/i", pid: 5, root: "/r", mounts: []) }
        options.profile = "apparmor:x"
        options.mountContext = "c"
        let restore = options.restoreArguments(images: "/i", root: "/r", pidFile: "/p", mounts: [("/data", "/host")])
        #expect(
            restore.suffix(10) == [
                "--restore-detached", "--restore-sibling", "--pidfile", "/p", "--external", "mnt[/data]:/host",
                "--lsm-profile",
                "apparmor:x", "--lsm-mount-context", "c",
            ])
        #expect(Criu.firstError(Array("(00.1) fine\n(00.2) Error (criu/x.c:1): no\n".utf8)) == "Error (criu/x.c:1): no")
        #expect(Criu.firstError([0xFF, 10]) == nil)
    }

    @Test func statisticsHaveTheShapeThatReadersKnow() {
        var counters = GroupCounters()
        counters.cpu.total = 5
        counters.memory.main = GroupCounters.MemoryEntry(limit: 10, usage: 3, peak: 4, failures: 0)
        counters.memory.raw = [("cache", 1)]
        counters.blockIO = [
            ("ioServicedRecursive", [GroupCounters.BlockEntry(major: 8, minor: 0, operation: "Read", value: 2)])
        ]
        counters.hugepages = [("2MB", GroupCounters.MemoryEntry(usage: 7))]
        let document = StatisticsDocument.make(counters)
        #expect(document["cpu"]?["usage"]?.text() == #"{"total":5,"kernel":0,"user":0}"#)
        #expect(document["memory"]?["usage"]?.text() == #"{"limit":10,"usage":3,"max":4,"failcnt":0}"#)
        #expect(document["memory"]?["raw"]?.text() == #"{"cache":1}"#)
        #expect(document["pids"]?.text() == "{}")
        #expect(document["blkio"]?.text() == #"{"ioServicedRecursive":[{"major":8,"op":"Read","value":2}]}"#)
        #expect(document["hugetlb"]?.text() == #"{"2MB":{"usage":7,"failcnt":0}}"#)
        #expect(document["network_interfaces"] == .null)
    }

    @Test func defaultConfigurationsCanBeRead() throws {
        for rootless in [false, true] {
            let text = DefaultConfiguration.document(rootless: rootless).serialized()
            let configuration = try RuntimeConfiguration(parsing: text)
            #expect(configuration.linux.namespaces.contains { $0.type == "user" } == rootless)
            #expect(configuration.mayHaveHostRoot)
        }
    }

    @Test func whoseRootMayBeTheHosts() throws {
        func configuration(_ linux: String) throws -> RuntimeConfiguration {
            try RuntimeConfiguration(parsing: Array(#"{"ociVersion":"1.0.0","linux":\#(linux)}"#.utf8))
        }
        func mapping(_ host: Int) -> String {
            #"{"namespaces":[{"type":"user"}],"uidMappings":[{"containerID":0,"hostID":\#(host),"size":10}]}"#
        }
        #expect(try configuration("{}").mayHaveHostRoot)
        #expect(try configuration(mapping(0)).mayHaveHostRoot)
        #expect(try !configuration(mapping(1000)).mayHaveHostRoot)
        #expect(try configuration(#"{"namespaces":[{"type":"user","path":"/proc/1/ns/user"}]}"#).mayHaveHostRoot)
    }

    @Test func cacheSchemataAreWrittenAsTheKernelTakesThem() throws {
        let root = "/var/tmp/berth-f-resctrl-\(UInt64.random(in: 0 ... .max))"
        defer { removeTree(root) }
        #expect(throws: RuntimeError.self) { try CacheAllocation.set("0=f", kind: "L3", container: "c", root: root) }
        makeTree(root, "info/L3", "c")
        makeFile("\(root)/c/schemata")
        try CacheAllocation.set("0=f;1=3", kind: "L3", container: "c", root: root)
        #expect(readFile("\(root)/c/schemata") == "L3:0=f;1=3\n")
        #expect(throws: RuntimeError.self) { try CacheAllocation.set("0=10", kind: "MB", container: "c", root: root) }
    }
}
