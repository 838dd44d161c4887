import Testing

@testable import ControlGroups

/// The texts of the kernel's counter files, also in forms no kernel writes.
@Suite struct CounterTests {
    @Test func keyedLines() {
        let lines = CounterText.keyed(
            "cache 12\nrss 0\nodd\nx y\ntoo many 3\n\nlarge 18446744073709551615\nover 18446744073709551616\n")
        #expect(lines.map(\.name) == ["cache", "rss", "large"])
        #expect(lines.map(\.value) == [12, 0, .max])
    }

    @Test func lists() {
        #expect(CounterText.list("0-2,7") == [0, 1, 2, 7])
        #expect(CounterText.list("") == [] && CounterText.list("a,3-1,-,5-") == [5])
        #expect(CounterText.list("0-4294967295") == [])
        #expect(CounterText.list(Array(repeating: "0-65535", count: 100).joined(separator: ",")).count == 65536)
        #expect(CounterText.numbers("1 22  333 x ") == [1, 22, 333])
    }

    @Test func perProcessor() {
        let both = CounterText.perProcessor("cpu user system\n0 1 2\n1 3 4\n2 5\n")
        #expect(both.user == [1, 3] && both.kernel == [2, 4])
    }

    @Test func blockDevices() {
        let old = CounterText.blockVersion1("8:0 Read 4096\n8:0 Write 1\n8:16 7\nTotal 4097\nx:y Read 1\n8:0 Read -1\n")
        #expect(old.count == 3)
        #expect(old.first == GroupCounters.BlockEntry(major: 8, minor: 0, operation: "Read", value: 4096))
        #expect(old.last == GroupCounters.BlockEntry(major: 8, minor: 16, operation: "", value: 7))
        let new = CounterText.blockVersion2(
            "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\nbad rbytes=1\n8:1 rbytes= x\n")
        #expect(
            new.bytes.map(\.value) == [1, 2, 5] && new.operations.map(\.operation) == ["Read", "Write", "Discard"])
    }
}
