import Testing

@testable import ImageBuilder

@Suite struct SubstitutionTests {
    static let variables = [
        "v": "value", "empty": "", "path": "/a/b/c.tar.gz", "PWD": "/home", "dots": "a.b.c", "star": "a*b",
    ]

    @Test(arguments: [
        ("$v", "value"), ("${v}", "value"), ("x${v}y", "xvaluey"), ("$vx", ""), ("$", "$"), ("a$", "a$"),
        ("$ v", "$ v"),
        ("${v:-w}", "value"), ("${unset:-w}", "w"), ("${empty:-w}", "w"), ("${empty-w}", ""), ("${unset-w}", "w"),
        ("${v:+w}", "w"), ("${unset:+w}", ""), ("${empty:+w}", ""), ("${empty+w}", "w"), ("${unset+w}", ""),
        ("${v:?e}", "value"), ("${empty?e}", ""), ("${unset:-$v}", "value"), ("${unset:-${v:+deep}}", "deep"),
        ("${path#/a/}", "b/c.tar.gz"), ("${path#*/}", "a/b/c.tar.gz"), ("${path##*/}", "c.tar.gz"),
        ("${path%.*}", "/a/b/c.tar"), ("${path%%.*}", "/a/b/c"), ("${path%/*}", "/a/b"),
        ("${path#nothing}", "/a/b/c.tar.gz"),
        ("${dots/./-}", "a-b.c"), ("${dots//./-}", "a-b-c"), ("${v/a?/X}", "vXue"), ("${v//[/X}", "value"),
        ("${dots/*/X}", "X"), ("${path/\\/a/X}", "X/b/c.tar.gz"), ("${star/\\*/X}", "aXb"), ("${unset//a/b}", ""),
        ("'$v'", "$v"), ("\"$v\"", "value"), ("\\$v", "$v"), ("\"\\$v\"", "$v"), ("\"\\n\"", "\\n"), ("\\n", "n"),
        ("'it''s'", "its"), ("\"a'b\"", "a'b"), ("tail\\", "tail"), ("$1", ""), ("${v}${v}", "valuevalue"),
        ("é$v", "évalue"), ("$vé", ""), ("\"\\\"\"", "\""),
    ]) func expands(_ text: String, _ wanted: String) throws {
        #expect(try ShellLexer().expand(text, Self.variables).text == wanted)
    }

    @Test(arguments: [
        ("${unset:?please}", "unset: please"), ("${unset?}", "not allowed to be unset"),
        ("${empty:?}", "not allowed to be empty"), ("${v", "missing '}'"), ("${", "missing '}'"),
        ("${}", "bad substitution"),
        ("${:x}", "bad substitution"), ("${v:x}", "unsupported modifier"), ("${v^}", "unsupported modifier"),
        ("'open", "single quote"), ("\"open", "double quote"), ("${v:-'}", "single quote"), ("${v/a", "missing '/'"),
        ("${v/a/b", "missing '}'"), ("${v#\\a}", "invalid escape"),
        (String(repeating: "${v:+", count: 100_000), "too deep"),
    ]) func refuses(_ text: String, _ reason: String) {
        let error = #expect(throws: SubstitutionError.self) { try ShellLexer().expand(text, Self.variables) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func splitsWordsWhereNoQuoteCovers() throws {
        let expansion = try ShellLexer().expand("a 'b c' $spaced \"$spaced\"", ["spaced": "x  y"])
        #expect(expansion.words == ["a", "b c", "x", "y", "x  y"])
    }

    @Test func tellsWhatIsNotSet() throws {
        let expansion = try ShellLexer().expand("$a ${b} ${c:-d} $v", Self.variables)
        #expect(expansion.unset == ["a", "b", "c"])
        #expect(expansion.used == ["v"])
    }

    @Test func escapesWithABacktick() throws {
        var lexer = ShellLexer()
        lexer.escape = "`"
        #expect(try lexer.expand("C:\\dir `$v \"`\"\"", Self.variables).text == "C:\\dir $v \"")
    }

    @Test(.timeLimit(.minutes(1))) func matchesHostilePatternsInTime() throws {
        let value = String(repeating: "a", count: 2000)
        let pattern = String(repeating: "*a", count: 500) + "b"
        #expect(try ShellLexer().expand("${v##\(pattern)}", ["v": value]).text == value)
        #expect(try ShellLexer().expand("${v%%\(pattern)}", ["v": value]).text == value)
    }

    @Test func survivesAnyText() {
        var generator = SplitMix(seed: 7)
        let pieces = [
            "$", "{", "}", ":", "-", "+", "?", "#", "%", "/", "\\", "'", "\"", "a", "v", " ", "\n", "é", "*", "1",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...14, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }
            .joined()
            _ = try? ShellLexer().expand(text, Self.variables)
        }
    }
}

/// Numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
