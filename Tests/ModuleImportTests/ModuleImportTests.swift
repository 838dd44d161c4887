import TestSupport
import Testing

/// The `import` lines of the sources against the table of docs/architecture.md.
@Suite struct ModuleImportTests {
    /// What each module may import, from the table's rows: `| \`Module\` | … | \`A\`, \`B\` |`.
    static func table(_ page: String) -> [String: Set<String>] {
        var result: [String: Set<String>] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map { String($0).trimmed }
            guard cells.count == 5, let name = quoted(cells[1]).first else { continue }
            result[name] = Set(quoted(cells[3]))
        }
        return result
    }

    /// The words between backquotes.
    static func quoted(_ text: String) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map {
            String($0.element)
        }
    }

    /// The modules a source file imports, whatever stands before and after: `@preconcurrency public import struct A.B`.
    static func imports(_ source: String) -> [String] {
        source.split(whereSeparator: \.isNewline).compactMap { line in
            var words = line.split { $0 == " " || $0 == "\t" || $0 == ";" }.map(String.init)
            while let first = words.first,
                first.hasPrefix("@") || ["public", "internal", "package", "private", "fileprivate"].contains(first)
            { words.removeFirst() }
            guard words.first == "import", words.count > 1 else { return nil }
            let kinds = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
            let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            return name.split(separator: ".").first.map(String.init)
        }
    }

    static func sources(below path: String, ending: String) -> [String] {
        list(path).flatMap { name -> [String] in
            let child = path + "/" + name
            if name.hasSuffix(ending) { return [child] }
            return list(child).isEmpty ? [] : sources(below: child, ending: ending)
        }
    }

    static let modules = list(Repository.path + "/Sources")
    static let swiftModules = modules.filter {
        !sources(below: Repository.path + "/Sources/" + $0, ending: ".swift").isEmpty
    }
    static let allowed = table(contents(Repository.path + "/docs/architecture.md"))

    /// What comes with the compiler and links statically at no cost.
    static let standard: Set = ["Glibc", "Synchronization"]

    /// Packages of others, for the networked program alone.
    static let packages: Set = ["AsyncHTTPClient", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL"]

    @Test func onlyTheNetworkedProgramUsesPackages() {
        for (module, names) in Self.allowed where !["RegistryClient", "berth-net"].contains(module) {
            #expect(names.isDisjoint(with: Self.packages.union(["RegistryClient"])), "\(module)")
        }
    }

    @Test(arguments: swiftModules)
    func everyImportIsAllowed(_ module: String) throws {
        let allowed = try #require(Self.allowed[module], "docs/architecture.md has no row for \(module)")
        for file in Self.sources(below: Repository.path + "/Sources/" + module, ending: ".swift") {
            for name in Self.imports(contents(file)) where !Self.standard.contains(name) && name != module {
                #expect(allowed.contains(name), "\(file) imports \(name)")
            }
        }
    }

    @Test func theTableHasNoUnknownModules() {
        for (module, names) in Self.allowed where Self.modules.contains(module) {
            for name in names where !Self.packages.contains(name) {
                #expect(Self.modules.contains(name), "\(module) may import \(name), which is none of ours")
            }
        }
        #expect(Self.swiftModules.count > 8)
        for module in Self.swiftModules { #expect(Self.allowed[module] != nil) }
    }

    @Test func noModuleMayImportFoundation() {
        for (module, names) in Self.allowed {
            for name in names { #expect(!name.hasPrefix("Foundation") && name != "Dispatch", "\(module)") }
        }
    }

    @Test func dependenciesArePinned() {
        let manifest = contents(Repository.path + "/Package.swift")
        for line in manifest.split(separator: "\n") where line.contains(".package(url") {
            #expect(line.contains("exact:"), "\(line)")
        }
    }

    @Test func importsAreReadInEveryForm() {
        let source = """
            import A
            @preconcurrency import B
            public import struct C.D
            \timport E.F
            // import G
            let text = "import H"
            @testable internal import I
            """
        #expect(Self.imports(source) == ["A", "B", "C", "E", "I"])
        #expect(
            Self.table("| `X` | about `Y` | `A`, `B` |\n|---|---|---|\n| `Z` | - | – |") == ["X": ["A", "B"], "Z": []])
    }
}
