import GoTemplate
import JSON
import Testing

private let data: JSONValue = [
    "Name": "web", "Count": 3, "Big": .double(1.5), "Empty": "", "On": true, "Off": false, "Nothing": nil,
    "List": ["a", "b", "c"], "Labels": ["com.example.tier": "front", "x": "1"],
    "State": ["Status": "running", "ExitCode": 0], "Mounts": [["Source": "/a"], ["Source": "/b"]],
]

private func render(_ text: String) throws -> String { try Template(parsing: text).text(for: data) }

private func failure(_ text: String) -> String? {
    do { _ = try render(text) } catch { return "\(error)" }
    return nil
}

@Suite struct TemplateTests {
    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("{{.Name}}", "web"), ("a{{ .Name }}b", "awebb"), ("{{.Count}}", "3"),
        ("{{.Big}}", "1.5"), ("{{.On}}", "true"), ("{{.List}}", "[a b c]"),
        ("{{.Labels}}", "map[com.example.tier:front x:1]"), ("{{.State.Status}}", "running"),
        ("{{.Nothing}}", "<no value>"), ("{{.Labels.none}}", "<no value>"), ("{{$.Name}}", "web"),
        ("a  {{- .Name -}}  b", "awebb"), ("{{/* no */}}x", "x"), ("a {{- /* no */ -}} x", "ax"),
        ("{{\"}}\"}}", "}}"), ("{{`a\"b`}}", "a\"b"), ("{{\"\\u00e9\\x41\\n\"}}", "éA\n"), ("{{'a'}}", "97"),
        ("{{0x10}} {{1_000}} {{-3}} {{2.5e3}}", "16 1000 -3 2500"),
    ])
    func values(_ template: String, _ expected: String) throws { #expect(try render(template) == expected) }

    @Test(arguments: [
        ("{{json .List}}", #"["a","b","c"]"#), ("{{json .State.Status}}", "\"running\""),
        ("{{.Labels | json}}", #"{"com.example.tier":"front","x":"1"}"#),
        ("{{json .Nothing}}", "null"), ("{{join .List \", \"}}", "a, b, c"), ("{{lower \"AbC\"}}", "abc"),
        ("{{upper .Name}}", "WEB"), ("{{title \"one two\"}}", "One Two"), ("{{split \"a,b\" \",\"}}", "[a b]"),
        ("{{index (split \"a/b/c\" \"/\") 1}}", "b"), ("{{println .Name .Count}}", "web 3\n"),
        ("{{print .Name .Count 4}}", "web3 4"), ("{{truncate .Name 2}}", "we"), ("{{pad .Name 1 2}}|", " web  |"),
        ("{{pad .Empty 1 2}}|", "|"), ("{{len .List}}{{len .Name}}{{len .Labels}}", "332"),
        ("{{index .Labels \"com.example.tier\"}}", "front"), ("{{index .Labels \"none\"}}.", "."),
        ("{{index .Mounts 1 \"Source\"}}", "/b"), ("{{(index .Mounts 0).Source}}", "/a"),
        ("{{slice .Name 1 2}}", "e"), ("{{slice .List 1}}", "[b c]"),
        ("{{not .On}} {{and .On .Name}} {{or .Empty .Name}} {{and .Off (index .List 99)}}", "false web web false"),
        (
            "{{eq .Name \"x\" \"web\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1 2}}",
            "true true true true true false"
        ),
        (
            "{{printf \"%s-%d|%5s|%-5s|%05d|%q|%v|%x|%.2f|%t|%%\" .Name .Count .Name .Name 42 .Name .List 255 .Big .On}}",
            "web-3|  web|web  |00042|\"web\"|[a b c]|ff|1.50|true|%"
        ),
        ("{{printf \"%d %s\" .Name}}", "%!d(string=web) %!s(MISSING)"), ("{{.Name | printf \"%s\"}}", "web"),
        ("{{html \"<a>\"}} {{urlquery \"a b\"}}", "&lt;a&gt; a+b"),
    ])
    func functions(_ template: String, _ expected: String) throws { #expect(try render(template) == expected) }

    @Test(
        arguments: [
            ("{{if .On}}y{{else}}n{{end}}", "y"), ("{{if .Empty}}y{{else}}n{{end}}", "n"),
            ("{{if .Off}}1{{else if eq .Count 3}}2{{else}}3{{end}}", "2"), ("{{if .Nothing}}y{{end}}", ""),
            ("{{range .List}}<{{.}}>{{end}}", "<a><b><c>"), ("{{range $i, $e := .List}}{{$i}}{{$e}}{{end}}", "0a1b2c"),
            ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "com.example.tier=front;x=1;"),
            ("{{range .Empty2}}x{{else}}none{{end}}", nil), ("{{range .Nothing}}x{{else}}none{{end}}", "none"),
            ("{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
            ("{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"),
            ("{{with .State}}{{.Status}}{{end}}", "running"), ("{{with .Empty}}x{{else}}e{{end}}", "e"),
            ("{{with $x := .Name}}{{$x}}{{.}}{{$.Count}}{{end}}", "webweb3"),
            ("{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2"), ("{{$x := .State}}{{$x.Status}}", "running"),
            ("{{range .Mounts}}{{.Source}} {{end}}", "/a /b "),
            ("{{range $i, $p := .List}}{{if $i}}, {{end}}{{$p}}{{end}}", "a, b, c"),
        ] as [(String, String?)])
    func control(_ template: String, _ expected: String?) throws {
        if let expected { #expect(try render(template) == expected) } else { #expect(failure(template) != nil) }
    }

    @Test(arguments: [
        "{{", "{{.Name", "{{}}", "{{.Name}}{{end}}", "{{if .On}}", "{{else}}", "{{if}}x{{end}}", "{{nosuch .Name}}",
        "{{$x}}", "{{.Nope}}", "{{.Name.Nope}}", "{{.State.Nope}}", "{{index .List 9}}", "{{index .List \"a\"}}",
        "{{lower}}", "{{lower 1}}", "{{lower .Name .Name}}", "{{(.Name}}", "{{.Name)}}", "{{.Name | 3}}", "{{3 4}}",
        "{{\"abc}}", "{{`abc}}", "{{/* abc}}", "{{break}}", "{{template \"x\"}}", "{{define \"x\"}}{{end}}",
        "{{range $a, $b, $c := .List}}{{end}}", "{{.Name.}}", "{{lt .List 1}}", "{{eq 1}}", "{{slice .Name 2 1}}",
        "{{slice .Name 9}}", "{{printf}}", "{{range 5.5}}{{end}}", "{{.Name \"argument\"}}", "{{range}}{{end}}",
        "{{if .On}}{{else}}{{else}}{{end}}", "{{.Name | }}", "{{@}}", "{{len 3}}", "{{printf \"%99999d\" 1}}",
    ])
    func mistakes(_ template: String) {
        let message = failure(template)
        #expect(message?.hasPrefix("template parsing error: ") == true, "\(template): \(message ?? "no error")")
    }

    @Test func methodsTakeArguments() throws {
        let template = try Template(parsing: "{{.Label \"tier\"}} {{.ID}}")
        let label: Template.Method = { arguments throws(TemplateError) in
            .string("[\(arguments.first?.stringValue ?? "")]")
        }
        #expect(try template.text(for: ["ID": "1"], methods: ["Label": label]) == "[tier] 1")
    }

    @Test func controlCharactersOfValuesStayOffTheTerminal() throws {
        let value: JSONValue = ["Name": "a\u{1B}[2Jb\u{9B}c\u{202E}", "List": ["\u{7}"]]
        let text = try Template(parsing: "{{.Name}}{{.List}}{{printf \"%s\" .Name}}{{json .Name}}").text(for: value)
        #expect(
            text.unicodeScalars.allSatisfy { $0.value >= 32 && !(127..<160).contains($0.value) || $0.value == 0x9B })
        #expect(try Template(parsing: "{{.Name}}").text(for: value) == "a\\u001b[2Jb\\u009bc\\u202e")
    }

    @Test func hostileTemplatesEnd() {
        let deep = String(repeating: "{{if .On}}", count: 5000) + String(repeating: "{{end}}", count: 5000)
        #expect(failure(deep)?.contains("nested too deep") == true)
        let parentheses =
            "{{" + String(repeating: "(", count: 5000) + ".Name" + String(repeating: ")", count: 5000) + "}}"
        #expect(failure(parentheses)?.contains("nested too deep") == true)
        let loops = String(repeating: "{{range 100000}}", count: 5) + String(repeating: "{{end}}", count: 5)
        #expect(failure(loops)?.contains("too many steps") == true)
        #expect(failure(String(repeating: "x", count: 1 << 20))?.contains("too long") == true)
        #expect(failure("{{range 100000}}{{printf \"%9999s\" $.Name}}{{end}}")?.contains("too long") == true)
        // Random pieces of syntax give text or an error, never more.
        var random = SystemRandomNumberGenerator()
        let pieces = [
            "{{", "}}", ".", "$", "x", "if ", "range ", "end", "else", "with ", "|", "(", ")", "\"", "`", ":=", "=",
            ",", "-", " ",
            "1", "index", ".Name", ".List", "/*", "*/", "\\", "\u{301}", "printf", "%", "'",
        ]
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<Int.random(in: 0..<24, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
            _ = failure(text)
        }
    }
}

@Suite struct ListingTests {
    private let rows = [
        JSONObject([("ID", "1"), ("Name", "a")]), JSONObject([("ID", "2"), ("Name", "a-long-name")]),
    ]
    private let headings = ["ID": "CONTAINER ID", "Name": "NAMES"]

    private func list(_ format: String) throws -> String {
        try ListingFormat(parsing: format, table: "{{.ID}}\t{{.Name}}").text(rows: rows, headings: headings)
    }

    @Test func tables() throws {
        let expected = "CONTAINER ID   NAMES\n1              a\n2              a-long-name\n"
        #expect(try list("") == expected)
        #expect(try list("table") == expected)
        #expect(try list("table {{.ID}}\\t{{.Name}}") == expected)
        #expect(
            try list("table {{.Name}}\t{{.ID}}") == "NAMES         CONTAINER ID\na             1\na-long-name   2\n")
        #expect(try list("table {{upper .Name}}") == "NAMES\nA\nA-LONG-NAME\n")
    }

    @Test func linesAndJSON() throws {
        #expect(try list("{{.ID}}:{{.Name}}") == "1:a\n2:a-long-name\n")
        #expect(try list("json") == "{\"ID\":\"1\",\"Name\":\"a\"}\n{\"ID\":\"2\",\"Name\":\"a-long-name\"}\n")
        #expect(throws: TemplateError.self) { try list("{{.Nope}}") }
        #expect(throws: TemplateError.self) { try list("table {{.Nope}}") }
    }

    @Test func narrowColumnsAreTenWide() {
        #expect(TabbedText.aligned(["A\tB", "1\t2"]) == "A         B\n1         2\n")
        #expect(TabbedText.aligned(["é\tB", "日本語日本語\t2"]) == "é              B\n日本語日本語   2\n")
    }
}
