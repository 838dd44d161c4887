import Glibc
import JSON
import LinuxKernel
import OCI
import Testing

@testable import ContainerRuntime

/// What this machine cannot show: the exact bytes and paths of fields whose kernel parts it lacks.
@Suite struct FieldTests {
    private func configuration(_ linux: String) throws -> RuntimeConfiguration {
        try RuntimeConfiguration(parsing: Array(#"{"ociVersion":"1.3.0","linux":\#(linux)}"#.utf8))
    }

    @Test func labelsBytes() {
        #expect(ProcessLabel.appArmor("my-profile").text == "exec my-profile")
        #expect(ProcessLabel.appArmor("x").files == ["attr/apparmor/exec", "attr/exec"])
        let label = ProcessLabel.selinux("system_u:system_r:container_t:s0:c1,c2")
        #expect(label.text == "system_u:system_r:container_t:s0:c1,c2" && label.files == ["attr/exec"])
    }

    @Test func mountLabelsOption() {
        let label = "system_u:object_r:container_file_t:s0:c1,c2"
        #expect(MountLabel.option(label, type: "tmpfs", options: [])?.value == label)
        #expect(MountLabel.option(label, type: "tmpfs", options: [])?.key == "context")
        #expect(MountLabel.option(label, type: "proc", options: []) == nil)
        #expect(MountLabel.option(label, type: "sysfs", options: []) == nil)
        #expect(MountLabel.option(label, type: "tmpfs", options: [("context", "mine")]) == nil)
        #expect(
            MountLabel.option("", type: "tmpfs", options: []) == nil
                && MountLabel.option(nil, type: "tmpfs", options: []) == nil)
    }

    private func director(_ json: String, id: String = "c1") throws -> ResourceDirector {
        try ResourceDirector(#require(try configuration(#"{"intelRdt":\#(json)}"#).linux.intelRdt), id: id)
    }

    @Test func resctrlSteps() throws {
        #expect(try director("{}").steps == [.makeDirectory("c1", schemata: []), .join("c1")])
        #expect(try director("{}").ownDirectories == ["c1"])
        #expect(try director(#"{"closID":"gold"}"#).steps == [.requireDirectory("gold"), .join("gold")])
        #expect(try director(#"{"closID":"gold"}"#).ownDirectories.isEmpty)
        // The cache's lines without MB, the bandwidth, then the complete ones.
        let all = try director(
            #"{"closID":"gold","l3CacheSchema":"L3:0=f\nMB:0=10","memBwSchema":"MB:0=20","schemata":["L2:0=1","L3:0=3"],"enableMonitoring":true}"#
        )
        #expect(
            all.steps == [
                .makeDirectory("gold", schemata: ["L3:0=f", "MB:0=20", "L2:0=1", "L3:0=3"]), .join("gold"),
                .makeMonitor("gold/mon_groups/c1"), .join("gold/mon_groups/c1"),
            ])
        #expect(all.ownDirectories == ["gold/mon_groups/c1"])
        for bad in [#"{"closID":"../x"}"#, #"{"closID":"info"}"#, #"{"closID":"a\nb"}"#, #"{"memBwSchema":"L3:0=1"}"#] {
            #expect(throws: RuntimeError.self) { try director(bad) }
        }
    }

    /// A container's end takes its own directories with it, and no others.
    @Test func resctrlDirectoriesGoWithTheContainer() throws {
        let place = "/tmp/berth-resctrl-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        for name in ["c1", "c2", "gold/mon_groups/c1", "state/c1"] { try Files.makeDirectories("\(place)/\(name)") }
        defer { try? Files.removeTree(place) }
        func bundle(_ json: String) throws -> Bundle {
            let text = #"{"ociVersion":"1.3.0","root":{"path":"r"},"linux":{"intelRdt":\#(json)}}"#
            try Files.replace("\(place)/config.json", with: Array(text.utf8))
            return try Bundle(path: place)
        }
        var containers = try RuntimeContainers(root: "\(place)/state")
        containers.resourceDirectory = place
        for (json, gone, kept) in [
            ("{}", "c1", "c2"), (#"{"closID":"gold","enableMonitoring":true}"#, "gold/mon_groups/c1", "gold"),
        ] {
            try Files.makeDirectories("\(place)/state/c1")
            var state = RuntimeState(id: "c1", bundle: try bundle(json))
            state.controlGroup = ""
            #expect(try RuntimeState(parsing: Array(state.json.text().utf8)).resourceDirectories == [gone])
            try containers.directory("c1").write(state)
            #expect(Files.exists("\(place)/\(gone)"))
            try containers.delete("c1", force: true)
            #expect(!Files.exists("\(place)/\(gone)") && Files.exists("\(place)/\(kept)"))
            #expect(!Files.exists("\(place)/state/c1"))
        }
        // Once more, as after a killed deletion.
        try ResourceDirector.remove(["c1"], from: place)
    }

    @Test func resctrlMountPoint() {
        let text = """
            25 30 0:23 / /sys rw shared:7 - sysfs sysfs rw
            99 25 0:50 / /sys/fs/resctrl rw,relatime shared:30 - resctrl resctrl rw
            """
        #expect(ResourceDirector.mountPoint(text) == "/sys/fs/resctrl")
        #expect(ResourceDirector.mountPoint("25 30 0:23 / /resctrl rw - sysfs resctrl rw") == nil)
        #expect(ResourceDirector.mountPoint("- - -\n\n- resctrl") == nil)
    }

    /// The writes, in a directory that stands for resctrl.
    @Test func resctrlWrites() throws {
        let place = "/tmp/berth-resctrl-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try Files.makeDirectories(place)
        defer { try? Files.removeTree(place) }
        let root = try Files.open(place, [.pathOnly, .directory])
        for name in ["gold", "gold/mon_groups"] { try Files.makeDirectory("\(place)/\(name)") }
        try Files.replace("\(place)/gold/schemata", with: Array("    L3:0=f;1=3\n    MB:0= 20\n".utf8))
        try Files.replace("\(place)/gold/tasks", with: [])
        // What is there already must agree.
        try director(#"{"closID":"gold","schemata":["L3:0=f;1=3"]}"#).apply(to: 4711, below: root.rawValue)
        #expect(try Files.readLine("\(place)/gold/tasks") == "4711")
        #expect(throws: RuntimeError.self) {
            try director(#"{"closID":"gold","schemata":["L3:0=1"]}"#).apply(to: 1, below: root.rawValue)
        }
        #expect(throws: RuntimeError.self) { try director(#"{"closID":"silver"}"#).apply(to: 1, below: root.rawValue) }
    }

    @Test func numberMasks() {
        #expect(NumberMask.words("0-3,7") == [0b1000_1111])
        #expect(NumberMask.words("64") == [0, 1] && NumberMask.words("0") == [1])
        for bad in ["", "a", "1-", "-1", "3-1", "1,,2", "8192", "99999999999999999999", "1-2-3", "1 2", "\u{0661}"] {
            #expect(NumberMask.words(bad) == nil, "\(bad)")
        }
    }

    @Test func seccompFlagBits() throws {
        let names = ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
        #expect(try PreparedSeccomp.flags(names, notifies: false) == 7)
        // With a listener the kernel wants another word for what happens when a thread cannot follow.
        #expect(try PreparedSeccomp.flags(names, notifies: true) == 7 | 8 | 16)
        #expect(try PreparedSeccomp.flags(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], notifies: true) == 8 | 32)
        #expect(throws: RuntimeError.self) {
            try PreparedSeccomp.flags(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], notifies: false)
        }
    }

    @Test func hooksSurviveTheStateFile() throws {
        let text =
            #"{"ociVersion":"1.3.0","hooks":{"poststop":[{"path":"/a","args":["b"],"env":["C=d"],"timeout":5}],"poststart":[{"path":"/e"}]}}"#
        let hooks = try RuntimeConfiguration(parsing: Array(text.utf8)).hooks
        let again = try RuntimeHooks(#require(hooks.json.objectValue))
        #expect(
            again.poststop.first?.args == ["b"] && again.poststop.first?.timeout == 5
                && again.poststop.first?.env == ["C=d"])
        #expect(again.poststart.first?.env == nil && again[.poststart].count == 1 && again[.prestart].isEmpty)
        #expect(!again.isEmpty && RuntimeHooks().isEmpty)
    }

    @Test func affinity() throws {
        let process = #"{"ociVersion":"1.3.0","process":{"cwd":"/","execCPUAffinity":{"initial":"0","final":"0-1"}}}"#
        let read = try #require(try RuntimeConfiguration(parsing: Array(process.utf8)).process)
        let affinity = try ProcessorAffinity(read.execCPUAffinity)
        #expect(affinity.initial == [1] && affinity.final == [3])
        #expect(try ProcessorAffinity(nil).initial == nil)
    }

    @Test(arguments: ["1.0.0", "1.3.0", "1.99.7-rc.1", "1.2.0+build"]) func versionsThatAreRead(_ version: String)
        throws
    {
        _ = try RuntimeConfiguration(parsing: Array(#"{"ociVersion":"\#(version)"}"#.utf8))
    }

    @Test(arguments: ["", "1", "1.0", "2.0.0", "0.9.0", "1.a.0", "10.0.0", "1.0.0.0", "v1.0.0", "1..0"])
    func versionsThatAreRefused(_ version: String) {
        #expect(throws: JSONError.self) {
            try RuntimeConfiguration(parsing: Array(#"{"ociVersion":"\#(version)"}"#.utf8))
        }
    }
}
