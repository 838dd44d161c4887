import Testing

@testable import CommandLine

/// The value, or the clause of the error.
private func outcome<Value>(_ body: () throws -> Value) -> String {
    do { return "\(try body())" } catch { return "error: \(error)" }
}

@Suite struct ByteSizeTests {
    // What docker 28 answers to `-m`.
    @Test(
        arguments: [
            ("512m", 536_870_912), ("1.5g", 1_610_612_736), ("1.5", 1), ("10 m", 10_485_760), ("10B", 10),
            ("10kb", 10_240),
            ("10KiB", 10_240), (".5g", 536_870_912), ("5.", 5), ("0", 0), ("5mib", 5_242_880), ("512M", 536_870_912),
            ("1t", 1 << 40), ("1p", 1 << 50), ("0.1g", 107_374_182), ("1.0000000001k", 1024),
            ("0.333333333333333333333333k", 341), ("9223372036854775807", Int64.max),
            ("8191.999999p", 9_223_372_035_728_947_000),
        ] as [(String, Int64)])
    func reads(_ text: String, _ bytes: Int64) throws {
        // The last case only has to be near: its digits are beyond a double.
        #expect(abs(try ByteSize.parse(text) - bytes) < 1 << 22)
        if bytes < 1 << 51 { #expect(try ByteSize.parse(text) == bytes) }
    }

    @Test(arguments: [
        ("10bb", "invalid suffix: 'bb'"), ("10kbb", "invalid suffix: 'kbb'"), ("-1", "invalid size: '-1'"),
        ("", "invalid size: ''"), (" 5", "invalid size: ' 5'"), ("5mi", "invalid suffix: 'mi'"),
        ("0x10", "invalid size: '0x10'"), ("١", "invalid size: '١'"), ("1e", "invalid suffix: 'e'"),
        ("5x", "invalid suffix: 'x'"), ("foo", "invalid size: 'foo'"), ("1..5g", "invalid size: '1..5g'"),
        (".", "invalid size: '.'"), ("5 kk", "invalid suffix: 'kk'"), ("+5", "invalid size: '+5'"),
        ("9999999999g", "\"9999999999g\" is more than a machine can have"),
        ("9223372036854775808", "\"9223372036854775808\" is more than a machine can have"),
        ("1\u{1B}[2J", "invalid suffix: 'j'"),
    ])
    func refuses(_ text: String, _ clause: String) {
        let said = outcome { try ByteSize.parse(text) }
        #expect(said.hasPrefix("error: "))
        #expect(
            said == "error: " + clause || !said.utf8.contains { $0 < 32 } && text.utf8.contains { $0 < 32 }, "\(said)")
    }

    @Test func unlimited() throws {
        #expect(try ByteSize.parseOrUnlimited("-1") == -1)
        #expect(throws: ValueError.self) { try ByteSize.parseOrUnlimited("-2") }
    }

    @Test func texts() {
        #expect(ByteSize.decimalText(0) == "0B")
        #expect(ByteSize.decimalText(999) == "999B")
        #expect(ByteSize.decimalText(1000) == "1kB")
        #expect(ByteSize.decimalText(63_190_000) == "63.2MB")
        #expect(ByteSize.decimalText(4_260_000) == "4.26MB")
        #expect(ByteSize.decimalText(1_270_000_000) == "1.27GB")
        #expect(ByteSize.binaryText(32 << 20) == "32MiB")
        #expect(ByteSize.binaryText(32_768_000) == "31.25MiB")
        #expect(ByteSize.decimalText(Int64.max).hasSuffix("EB"))
        #expect(ByteSize.decimalText(-5) == "0B")
    }
}

@Suite struct OtherValueTests {
    @Test(arguments: [
        ("1", "1000000000"), ("0.5", "500000000"), (".5", "500000000"), ("1.", "1000000000"), ("0", "0"),
        ("0.123456789", "123456789"), ("1.0000000000", "1000000000"), ("+1", "1000000000"), ("0.2", "200000000"),
        ("0.1234567891", "error: value is too precise"), ("-1", "error: \"-1\" is less than 0"),
        ("", "error: failed to parse \"\" as a number of processors"),
        ("abc", "error: failed to parse \"abc\" as a number of processors"),
        (" 1", "error: failed to parse \" 1\" as a number of processors"),
        ("99999999999", "error: \"99999999999\" is out of range"),
    ])
    func processors(_ text: String, _ result: String) {
        #expect(outcome { try ProcessorCount.parse(text) } == result)
    }

    @Test(arguments: [
        ("5s", "5000000000"), ("1h2m3s", "3723000000000"), ("1.5s", "1500000000"), ("-1s", "-1000000000"),
        ("1us", "1000"),
        ("1µs", "1000"), ("1μs", "1000"), ("0", "0"), ("-0", "0"), (".5s", "500000000"), ("1.s", "1000000000"),
        ("300ms", "300000000"),
        ("5", "error: missing unit in duration \"5\""), ("", "error: invalid duration \"\""),
        ("1d", "error: unknown unit \"d\" in duration \"1d\""), ("s", "error: invalid duration \"s\""),
        ("1 s", "error: unknown unit \" s\" in duration \"1 s\""), (".s", "error: invalid duration \".s\""),
        ("9999999999h", "error: invalid duration \"9999999999h\""), ("1..2s", "error: invalid duration \"1..2s\""),
        ("-", "error: invalid duration \"-\""), ("--1s", "error: invalid duration \"--1s\""),
    ])
    func durations(_ text: String, _ result: String) { #expect(outcome { try TimeSpan.parse(text) } == result) }

    @Test(arguments: [
        ("010", "8"), ("0x10", "16"), ("0b11", "3"), ("0o17", "15"), ("1_0", "10"), ("-5", "-5"), ("+5", "5"),
        ("0", "0"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"),
        ("0xFF", "255"), ("0x_1", "1"), ("-0x8000000000000000", "-9223372036854775808"),
    ])
    func integers(_ text: String, _ result: String) { #expect(outcome { try NumberValue.integer(text) } == result) }

    @Test(arguments: [
        "", "5.0", "9223372036854775808", "-9223372036854775809", "abc", "5s", " 5", "5 ", "08", "0x", "0b2", "_1",
        "1_", "1__0",
        "+-5", "--5", "٣", "1e3", "0b", "99999999999999999999999999", "-",
    ])
    func notIntegers(_ text: String) { #expect(throws: ValueError.self) { try NumberValue.integer(text) } }

    @Test func unsigned() throws {
        #expect(try NumberValue.unsigned("65535", bits: 16) == 65535)
        for bad in ["65536", "-1", "99999", "+1"] {
            #expect(throws: ValueError.self) { try NumberValue.unsigned(bad, bits: 16) }
        }
    }

    @Test func booleans() throws {
        for text in ["1", "t", "T", "TRUE", "true", "True"] { #expect(try NumberValue.boolean(text)) }
        for text in ["0", "f", "F", "FALSE", "false", "False"] { #expect(try !NumberValue.boolean(text)) }
        for text in ["", "yes", "tRUE", "2", " true"] {
            #expect(throws: ValueError.self) { try NumberValue.boolean(text) }
        }
    }

    @Test func resourceBounds() throws {
        let both = try ResourceBound(parsing: "nofile=1024:2048")
        #expect(both.name == "nofile" && both.soft == 1024 && both.hard == 2048)
        #expect(try ResourceBound(parsing: "nofile=7").hard == 7)
        #expect(try ResourceBound(parsing: "core=-1").soft == -1)
        #expect(try ResourceBound(parsing: "nofile=1:-1").hard == -1)
        for bad in [
            "nofile=2048:1024", "nofile=-1:5", "nofile=", "nofile", "foo=1", "nofile=1:2:3", "nofile=a", "nofile=1:b",
            "=1",
            "NOFILE=1", "nofile=-2", "", "nofile=1:", "nofile=+1", "nofile= 1", "nofile=99999999999999999999",
        ] {
            #expect(throws: ValueError.self, "\(bad)") { try ResourceBound(parsing: bad) }
        }
    }

    @Test func commaFields() throws {
        #expect(try CommaFields.parse("a,b=c") == ["a", "b=c"])
        #expect(try CommaFields.parse("a,\"b,\"\"c\"\"\",") == ["a", "b,\"c\"", ""])
        #expect(try CommaFields.parse("") == [])
        #expect(try CommaFields.parse(",") == ["", ""])
        #expect(try CommaFields.parse("\"\"") == [""])
        for bad in ["a\"b", "\"a", "\"a\"b", "a\nb", "\"", "a,\"b\" ,c"] {
            #expect(throws: ValueError.self, "\(bad)") { try CommaFields.parse(bad) }
        }
    }

    @Test func roughTimes() {
        let cases: [(Int64, String)] = [
            (0, "Less than a second"), (-5, "Less than a second"), (1, "1 second"), (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"), (120, "2 minutes"), (3599, "59 minutes"), (3600, "About an hour"),
            (5399, "About an hour"),
            (5400, "2 hours"), (7200, "2 hours"), (47 * 3600, "47 hours"), (49 * 3600, "2 days"),
            (15 * 86400, "2 weeks"),
            (70 * 86400, "2 months"), (800 * 86400, "2 years"),
        ]
        for (seconds, text) in cases { #expect(TimeSpan.rough(seconds: seconds) == text, "\(seconds)") }
    }

    @Test func terminalSafety() {
        #expect(printable("plain-näme") == "plain-näme")
        #expect(printable("\u{1B}[31mred\u{7}\r\n") == "\\x1b[31mred\\x07\\r\\n")
        #expect(printable("a\u{9B}2Jb\u{202E}c") == "a\\u009b2Jb\\u202ec")
        #expect(quoted("a\"b\n") == "\"a\\\"b\\n\"")
        #expect(quoted(String(repeating: "x", count: 5000)).utf8.count < 120)
    }
}
