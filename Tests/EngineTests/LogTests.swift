import Glibc
import Testing

@testable import Engine

extension LogReader {
    fileprivate func all(tail: Int? = nil) -> [LogEntry] {
        var entries = [LogEntry]()
        _ = read(tail: tail) {
            entries.append($0)
            return true
        }
        return entries
    }
}

@Suite struct LogTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/berth-log-XXXXXX".utf8CString)
        let path = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } }
        let directory = try #require(path)
        defer {
            for name in ["log.json", "log.json.1", "log.json.2"] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        try body(directory)
    }

    @Test func linesAreReadAsTheyWereWritten() throws {
        try withDirectory { directory in
            var writer = LogWriter(path: directory + "/log.json")
            writer.append(Array("one\ntw".utf8)[...], stream: "stdout")
            writer.append(Array("o\n\"q\"\\\t\u{1}\n".utf8)[...], stream: "stdout")
            writer.append(Array("err\n".utf8)[...], stream: "stderr")
            writer.append(Array("unfinished".utf8)[...], stream: "stdout")
            writer.finish()
            let entries = LogReader(path: directory + "/log.json").all()
            #expect(entries.map { String(decoding: $0.text, as: UTF8.self) } == ["one\n", "two\n", "\"q\"\\\t\u{1}\n", "err\n", "unfinished"])
            #expect(entries.map(\.isError) == [false, false, false, true, false])
        }
    }

    @Test func tailCountsLines() throws {
        try withDirectory { directory in
            var writer = LogWriter(path: directory + "/log.json")
            for number in 1...10 { writer.append(Array("line \(number)\n".utf8)[...], stream: "stdout") }
            func tail(_ count: Int) -> [String] {
                LogReader(path: directory + "/log.json").all(tail: count).map { String(decoding: $0.text, as: UTF8.self) }
            }
            #expect(tail(0) == [])
            #expect(tail(2) == ["line 9\n", "line 10\n"])
            #expect(tail(100).count == 10)
        }
    }

    @Test func longLinesAreCutIntoPartsAndTornOnesSkipped() throws {
        try withDirectory { directory in
            var writer = LogWriter(path: directory + "/log.json")
            writer.append(Array(repeating: 120, count: 40_000)[...] + [10], stream: "stdout")
            let entries = LogReader(path: directory + "/log.json").all()
            #expect(entries.reduce(0) { $0 + $1.text.count } == 40_001)
            for torn in ["{\"log\":\"half", "nonsense", "{}", "[1]"] { #expect(LogReader.parse(line: Array(torn.utf8)[...])?.text == nil) }
        }
    }
}
