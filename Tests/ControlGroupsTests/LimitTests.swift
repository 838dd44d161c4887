import Testing

@testable import ControlGroups

private func lines(_ writes: [LimitWrite]) -> [String] { writes.map { "\($0.files[0])=\($0.value)" } }

@Suite struct LimitTests {
    @Test func dockersLimitsInBothVersions() throws {
        var limits = ResourceLimits()
        limits.memory.limit = 32 << 20
        limits.memory.swap = 48 << 20
        limits.memory.reservation = 16 << 20
        limits.cpu.shares = 1024
        limits.cpu.quota = 20_000
        limits.cpu.period = 100_000
        limits.cpu.cpus = "0-1"
        limits.pids = 64
        #expect(
            lines(try limits.version1Writes()) == [
                "memory.limit_in_bytes=33554432", "memory.memsw.limit_in_bytes=50331648",
                "memory.soft_limit_in_bytes=16777216", "cpu.shares=1024", "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=20000", "cpuset.cpus=0-1", "pids.max=64",
            ])
        #expect(
            lines(try limits.version2Writes()) == [
                "memory.max=33554432", "memory.swap.max=16777216", "memory.low=16777216", "cpu.weight=100",
                "cpu.max=20000 100000", "cpuset.cpus=0-1", "pids.max=64",
            ])
        #expect(limits.neededControllers == ["memory", "cpu", "cpuset", "pids"])
    }

    @Test func unlimitedAndUnset() throws {
        var limits = ResourceLimits()
        #expect(try limits.version1Writes().isEmpty)
        #expect(try limits.version2Writes().isEmpty)
        #expect(limits.neededControllers.isEmpty)
        limits.memory.limit = 1 << 20
        limits.memory.swap = -1
        limits.pids = -1
        limits.cpu.quota = -1
        #expect(
            lines(try limits.version1Writes())
                == [
                    "memory.limit_in_bytes=1048576", "memory.memsw.limit_in_bytes=-1", "cpu.cfs_quota_us=-1",
                    "pids.max=max",
                ])
        #expect(
            lines(try limits.version2Writes()) == [
                "memory.max=1048576", "memory.swap.max=max", "cpu.max=max", "pids.max=max",
            ])
        limits = ResourceLimits()
        limits.memory.limit = -1
        limits.memory.swap = -1
        #expect(lines(try limits.version2Writes()) == ["memory.max=max", "memory.swap.max=max"])
        #expect(lines(try limits.version1Writes()) == ["memory.limit_in_bytes=-1", "memory.memsw.limit_in_bytes=-1"])
        limits = ResourceLimits()
        limits.pids = 0
        limits.cpu.period = 50_000
        #expect(lines(try limits.version2Writes()) == ["cpu.max=max 50000"])
    }

    @Test func equalSwapMeansNoSwap() throws {
        var limits = ResourceLimits()
        limits.memory.limit = 32 << 20
        limits.memory.swap = 32 << 20
        #expect(lines(try limits.version2Writes()) == ["memory.max=33554432", "memory.swap.max=0"])
    }

    @Test func weights() {
        #expect(CPUWeight.weight(shares: 2) == 1)
        #expect(CPUWeight.weight(shares: 0) == 1)
        #expect(CPUWeight.weight(shares: 1024) == 100)
        #expect(CPUWeight.weight(shares: 262_144) == 10_000)
        #expect(CPUWeight.weight(shares: UInt64.max) == 10_000)
        // Published values of the same curve.
        #expect(CPUWeight.weight(shares: 512) == 59)
        #expect(CPUWeight.weight(shares: 2048) == 174)
        var last: UInt64 = 0
        for shares in stride(from: UInt64(2), through: 262_144, by: 37) {
            let weight = CPUWeight.weight(shares: shares)
            #expect(weight >= last && weight >= 1 && weight <= 10_000)
            last = weight
        }
        #expect(CPUWeight.ioWeight(10) == 1)
        #expect(CPUWeight.ioWeight(1000) == 10_000)
    }

    @Test func blockDevicesAndTheRest() throws {
        var limits = ResourceLimits()
        limits.blockIO.weight = 500
        limits.blockIO.throttleReadBytes = [BlockDeviceValue(major: 8, minor: 0, value: 1_048_576)]
        limits.blockIO.throttleWriteOperations = [BlockDeviceValue(major: 8, minor: 16, value: 100)]
        limits.hugepages = [HugepageLimit(pageSize: "2MB", limit: 4 << 20)]
        limits.rdma = [RDMALimit(device: "mlx5_1", handles: 3)]
        #expect(
            lines(try limits.version1Writes()) == [
                "blkio.weight=500", "blkio.throttle.read_bps_device=8:0 1048576",
                "blkio.throttle.write_iops_device=8:16 100", "hugetlb.2MB.limit_in_bytes=4194304",
                "hugetlb.2MB.rsvd.limit_in_bytes=4194304", "rdma.max=mlx5_1 hca_handle=3 hca_object=max",
            ])
        #expect(
            lines(try limits.version2Writes()) == [
                "io.weight=default 4950", "io.max=8:0 rbps=1048576", "io.max=8:16 wiops=100", "hugetlb.2MB.max=4194304",
                "hugetlb.2MB.rsvd.max=4194304", "rdma.max=mlx5_1 hca_handle=3 hca_object=max",
            ])
        #expect(try limits.version2Writes()[0].files == ["io.weight", "io.bfq.weight"])
        #expect(try limits.version2Writes()[0].alternative == "500")
        #expect(limits.neededControllers == ["io", "hugetlb", "rdma"])
        limits.network.classID = 0x100001
        limits.network.priorities = [("eth0", 5)]
        #expect(try limits.version1Writes().suffix(2).map(\.value) == ["1048577", "eth0 5"])
    }

    @Test func unifiedFiles() throws {
        var limits = ResourceLimits()
        limits.unified = ["memory.high": "1000", "cgroup.max.depth": "3"]
        #expect(lines(try limits.version2Writes()) == ["cgroup.max.depth=3", "memory.high=1000"])
        #expect(limits.neededControllers == ["memory"])
        for name in [
            "memory/high", "../memory.high", "a..b", "memory", "cgroup.procs", "cgroup.kill", "a.\nb", "", "..",
        ] {
            limits.unified = [name: "1"]
            #expect(throws: ControlGroupError.self, "\(name)") { try limits.version2Writes() }
        }
    }

    @Test func whatCannotBeIsRefused() {
        let bad: [(inout ResourceLimits) -> Void] = [
            {
                $0.memory.limit = 100; $0.memory.swap = 50
            }, { $0.memory.swap = 50 }, { $0.memory.swappiness = 101 },
            { $0.cpu.shares = 1 }, { $0.cpu.shares = 262_145 }, { $0.cpu.period = 999 }, { $0.cpu.period = 1_000_001 },
            { $0.cpu.quota = 999 }, { $0.cpu.idle = 2 }, { $0.blockIO.weight = 9 }, { $0.blockIO.weight = 1001 },
            { $0.cpu.cpus = "0-" }, { $0.cpu.cpus = "a" }, { $0.cpu.mems = "1-0" }, { $0.cpu.cpus = "0\n1" },
            { $0.cpu.cpus = "99999" }, { $0.hugepages = [HugepageLimit(pageSize: "../x", limit: 1)] },
            { $0.network.priorities = [("eth0 1\nlo", 1)] }, { $0.rdma = [RDMALimit(device: "a b")] },
        ]
        for (index, change) in bad.enumerated() {
            var limits = ResourceLimits()
            change(&limits)
            #expect(throws: ControlGroupError.self, "case \(index)") { try limits.version1Writes() }
            #expect(throws: ControlGroupError.self, "case \(index)") { try limits.version2Writes() }
        }
        let onlyOld: [(inout ResourceLimits) -> Void] = [
            { $0.memory.swappiness = 10 }, { $0.memory.disableOOMKiller = true }, { $0.memory.kernel = 1 << 20 },
            { $0.cpu.realtimeRuntime = 1000 }, { $0.network.classID = 1 }, { $0.network.priorities = [("lo", 1)] },
            { $0.blockIO.leafWeight = 100 },
        ]
        for change in onlyOld {
            var limits = ResourceLimits()
            change(&limits)
            #expect(throws: Never.self) { try limits.version1Writes() }
            #expect(throws: ControlGroupError.self) { try limits.version2Writes() }
        }
    }

    @Test func numberLists() {
        #expect(NumberList(parsing: "0-2,7")?.ranges == [0...2, 7...7])
        #expect(NumberList(parsing: "")?.ranges == [])
        for bad in ["-", ",", "1,", "1--2", " 1", "1 ", "+1", "0x1", "1-2-3", "100000", "１"] {
            #expect(NumberList(parsing: bad) == nil, "\(bad)")
        }
        let two = NumberList(parsing: "0-1")
        #expect(two?.contains(NumberList(parsing: "1,0") ?? NumberList(parsing: "9")!) == true)
        #expect(NumberList(parsing: "0-1,3").map { two?.contains($0) } == false)
    }

    @Test func restriction() throws {
        var limits = ResourceLimits()
        limits.memory.limit = 1
        limits.cpu.shares = 100
        limits.cpu.cpus = "0"
        limits.pids = 3
        limits.hugepages = [HugepageLimit(pageSize: "2MB", limit: 0)]
        #expect(limits.restricted(to: ["hugetlb"]).neededControllers == ["hugetlb"])
        #expect(limits.restricted(to: ["cpuset"]).neededControllers == ["cpuset"])
        #expect(limits.restricted(to: ["cpu"]).neededControllers == ["cpu"])
        #expect(limits.restricted(to: []) == ResourceLimits())
    }
}

@Suite struct StatisticsParserTests {
    @Test func keyed() {
        let values = KeyedValues(
            parsing: "a 1\nb 18446744073709551615\nc -1\nd\n e  2\nf 1 2\ng 99999999999999999999\n")
        #expect(values["a"] == 1)
        #expect(values["b"] == UInt64.max)
        #expect(values["e"] == 2)
        for key in ["c", "d", "f", "g", ""] { #expect(values[key] == nil) }
    }

    @Test func block() {
        let two = BlockCounters(
            parsingStat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=9\n8:16 rbytes=10 wbytes=x\n253:0 \n")
        #expect(two.readBytes == 11 && two.writeBytes == 2 && two.readOperations == 3 && two.writeOperations == 4)
        let one = BlockCounters.version1("8:0 Read 5\n8:0 Write 6\n8:0 Total 11\n8:16 Read 1\nTotal 12\n")
        #expect(one.read == 6 && one.write == 6)
    }

    @Test func pressure() {
        let pressure = Pressure(
            parsing:
                "some avg10=1.50 avg60=0.25 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
        #expect(pressure.some.average10 == 1.5 && pressure.some.total == 1234 && pressure.full.total == 7)
        #expect(Pressure(parsing: "") == Pressure(parsing: "junk\nsome\n"))
    }
}
