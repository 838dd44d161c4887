import Testing

@testable import ImageBuilder

@Suite struct IgnoreTests {
    @Test(arguments: [
        ("foo", "foo", true), ("foo", "foo/bar", true), ("foo", "a/foo", false), ("/foo", "foo", true),
        ("foo/", "foo", true),
        ("./foo", "foo", true), ("a/../foo", "foo", true), ("*", "x", true), ("*", "x/y", true), ("*.go", "m.go", true),
        ("*.go", "a/m.go", false), ("*/m.go", "a/m.go", true), ("*/*.go", "a/m.go", true), ("**/*.go", "m.go", true),
        ("**/*.go", "a/b/m.go", true), ("**/foo", "foo", true), ("**/foo", "a/b/foo", true),
        ("**/foo", "a/xfoo", false),
        ("**foo", "a/xfoo", true), ("a/**/b", "a/b", true), ("a/**/b", "a/x/y/b", true), ("a/**/b", "ab", false),
        ("a/**", "a/x", true), ("a/**", "a", false), ("**", "any/thing", true), ("fil?", "file", true),
        ("fil?", "fil/", false), ("f?", "fé", true), ("[a-c]x", "bx", true), ("[^a-c]x", "bx", false),
        ("[^a-c]x", "dx", true),
        ("[!a]x", "bx", false), ("\\*x", "*x", true), ("\\*x", "ax", false), ("a.b", "axb", false),
        ("a+b", "a+b", true),
        ("#hash", "#hash", false), (" # spaced", "# spaced", true), ("foo ", "foo", true), ("é", "é", true),
        ("**/a/**", "x/a/y", true), ("**/a/**", "x/a", false), ("..", "x", false), (".", "x", false),
        ("a//b", "a/b", true),
        ("foo**bar", "foox/bar", true), ("(x|y)", "x", false), ("(x|y)", "(x|y)", true), ("a\u{301}", "a\u{301}", true),
    ]) func decides(_ pattern: String, _ path: String, _ isExcluded: Bool) throws {
        let rules = try IgnoreRules(parsing: Array(pattern.utf8))
        #expect(rules.excludes(Array(path.utf8)) == isExcluded)
    }

    @Test func letsTheLastMatchWin() throws {
        let rules = try IgnoreRules(parsing: Array("*.md\n!README*.md\nREADME-secret.md\n".utf8))
        #expect(rules.excludes(Array("notes.md".utf8)))
        #expect(!rules.excludes(Array("README.md".utf8)))
        #expect(rules.excludes(Array("README-secret.md".utf8)))
        let other = try IgnoreRules(parsing: Array("*.md\nREADME-secret.md\n!README*.md\n".utf8))
        #expect(!other.excludes(Array("README-secret.md".utf8)))
    }

    @Test func takesBackWhatIsInAnExcludedDirectory() throws {
        let rules = try IgnoreRules(parsing: Array("node_modules\n!node_modules/keep\n".utf8))
        #expect(rules.excludes(Array("node_modules".utf8)))
        #expect(rules.excludes(Array("node_modules/a/b".utf8)))
        #expect(!rules.excludes(Array("node_modules/keep/x".utf8)))
        let (_, inherited) = rules.excludes(Array("node_modules".utf8), in: .init())
        #expect(rules.mayInclude(below: inherited))
        let all = try IgnoreRules(parsing: Array("!a\nb\n".utf8))
        #expect(!all.mayInclude(below: all.excludes(Array("b".utf8), in: .init()).inherited))
    }

    @Test func readsTheFileToTheLetter() throws {
        let text = "\u{FEFF}# comment\r\n\r\n  a  \r\n! b\r\n#not this\r\n"
        let rules = try IgnoreRules(parsing: Array(text.utf8))
        #expect(rules.excludes(Array("a".utf8)))
        #expect(!rules.excludes(Array("#not this".utf8)))
        #expect(rules.hasExceptions)
    }

    @Test(arguments: ["!", "[", "[]", "[a-", "[z-a]", "a\\", "[a"]) func refuses(_ pattern: String) {
        let error = #expect(throws: BuildError.self) { try IgnoreRules(parsing: Array("ok\n\(pattern)\n".utf8)) }
        #expect(error?.description.contains(".dockerignore:2") == true)
    }

    @Test(.timeLimit(.minutes(1))) func copesWithManyPatterns() throws {
        var text = ""
        for number in 0..<100_000 {
            text += number % 4 == 0 ? "dir\(number)/file\n" : number % 4 == 1 ? "**/name\(number)\n" : "!f\(number)\n"
        }
        let rules = try IgnoreRules(parsing: Array(text.utf8))
        for number in 0..<2_000 {
            #expect(!rules.excludes(Array("some/path/of/file\(number)".utf8)))
            #expect(rules.excludes(Array("some/name\(number * 4 + 1)".utf8)))
        }
    }

    @Test(.timeLimit(.minutes(1))) func copesWithHostilePatterns() throws {
        let rules = try IgnoreRules(parsing: Array((String(repeating: "*a", count: 2000) + "b\n").utf8))
        #expect(!rules.excludes(Array(repeating: 97, count: 4000)))
        let deep = try IgnoreRules(parsing: Array((String(repeating: "**/a/", count: 500) + "b").utf8))
        #expect(!deep.excludes(Array(String(repeating: "a/", count: 500).utf8) + [99]))
    }
}
