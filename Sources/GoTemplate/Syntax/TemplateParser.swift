import JSON

/// Reads a template into nodes.
struct TemplateParser {
    /// A template is an option's value: longer ones, and deeper ones, are nobody's.
    static let maximumLength = 256 << 10
    static let maximumDepth = 100

    private enum Piece {
        case text(String)
        case action([Token], source: String)
    }

    /// How a list of nodes ended.
    private enum Ending { case end, text, otherwise([Token], String) }

    private var pieces: [Piece]
    private var position = 0
    private var scopes: [Set<String>] = [[""]]
    private var loops = 0

    static func parse(_ text: String) throws(TemplateError) -> [Node] {
        var parser = TemplateParser(pieces: try cut(Array(text.utf8)))
        let (nodes, ending) = try parser.list(depth: 0)
        guard case .text = ending else { throw TemplateError("unexpected {{end}} or {{else}}") }
        return nodes
    }

    private init(pieces: [Piece]) { self.pieces = pieces }

    // MARK: Text and actions

    private static func cut(_ bytes: [UInt8]) throws(TemplateError) -> [Piece] {
        guard bytes.count <= maximumLength else { throw TemplateError("the template is too long") }
        var pieces = [Piece]()
        var start = 0
        var trimsNext = false
        while true {
            let open = find("{{", bytes, from: start)
            var text = bytes[start..<(open ?? bytes.count)]
            if trimsNext { text = text.drop(while: isSpace) }
            guard let open else {
                if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
                return pieces
            }
            var inner = open + 2
            if inner + 1 < bytes.count, bytes[inner] == UInt8(ascii: "-"), isSpace(bytes[inner + 1]) {
                while let last = text.last, isSpace(last) { text.removeLast() }
                inner += 1
            }
            if !text.isEmpty { pieces.append(.text(String(decoding: text, as: UTF8.self))) }
            let close = try end(of: bytes, from: inner)
            var content = bytes[inner..<close]
            trimsNext = false
            if content.count >= 2, content.last == UInt8(ascii: "-"), isSpace(content[content.endIndex - 2]) {
                trimsNext = true
                content.removeLast()
            }
            start = close + 2
            let trimmed = content.drop(while: isSpace)
            if trimmed.starts(with: "/*".utf8) { continue }
            pieces.append(.action(try Scanner.tokens(content), source: String(decoding: trimmed, as: UTF8.self)))
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func find(_ text: StaticString, _ bytes: [UInt8], from: Int) -> Int? {
        guard bytes.count >= 2, from <= bytes.count - 2 else { return nil }
        let (one, two) = text.withUTF8Buffer { ($0[0], $0[1]) }
        for index in from..<(bytes.count - 1) where bytes[index] == one && bytes[index + 1] == two { return index }
        return nil
    }

    /// Where `}}` ends an action, not inside a string or a comment.
    private static func end(of bytes: [UInt8], from start: Int) throws(TemplateError) -> Int {
        var index = start
        while index < bytes.count, isSpace(bytes[index]) { index += 1 }
        if bytes[index...].starts(with: "/*".utf8) {
            guard let close = find("*/", bytes, from: index + 2) else { throw TemplateError("unclosed comment") }
            guard let end = find("}}", bytes, from: close + 2),
                bytes[(close + 2)..<end].allSatisfy({ isSpace($0) || $0 == UInt8(ascii: "-") })
            else { throw TemplateError("comment ends before closing delimiter") }
            return end
        }
        var mark: UInt8?
        index = start
        while index < bytes.count {
            let byte = bytes[index]
            if let inside = mark {
                if byte == UInt8(ascii: "\\"), inside != UInt8(ascii: "`") {
                    index += 1
                } else if byte == inside {
                    mark = nil
                }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "`") || byte == UInt8(ascii: "'") {
                mark = byte
            } else if byte == UInt8(ascii: "}"), index + 1 < bytes.count, bytes[index + 1] == byte {
                return index
            }
            index += 1
        }
        throw TemplateError("unclosed action", at: String(decoding: bytes[start...].prefix(80), as: UTF8.self))
    }

    // MARK: Nodes

    private mutating func list(depth: Int) throws(TemplateError) -> ([Node], Ending) {
        guard depth < Self.maximumDepth else { throw TemplateError("it is nested too deep") }
        var nodes = [Node]()
        while position < pieces.count {
            let piece = pieces[position]
            position += 1
            switch piece {
            case .text(let text): nodes.append(.text(text))
            case .action(let tokens, let source):
                guard case .word(let word)? = tokens.first else {
                    nodes.append(.action(try pipeline(tokens[...], source)))
                    continue
                }
                let rest = tokens.dropFirst()
                switch word {
                case "end":
                    guard rest.isEmpty else { throw TemplateError("unexpected text in {{end}}", at: source) }
                    return (nodes, .end)
                case "else": return (nodes, .otherwise(Array(rest), source))
                case "if", "with", "range": nodes.append(try block(word, rest, source, depth))
                case "break", "continue":
                    guard loops > 0, rest.isEmpty else { throw TemplateError("{{\(word)}} outside {{range}}") }
                    nodes.append(word == "break" ? .breakLoop : .continueLoop)
                case "define", "template", "block": throw TemplateError("{{\(word)}} is not supported", at: source)
                default: nodes.append(.action(try pipeline(tokens[...], source)))
                }
            }
        }
        guard depth == 0 else { throw TemplateError("unexpected EOF: an {{end}} is missing") }
        return (nodes, .text)
    }

    private mutating func block(
        _ word: String, _ tokens: ArraySlice<Token>, _ source: String, _ depth: Int
    ) throws(TemplateError) -> Node {
        scopes.append(scopes[scopes.count - 1])
        let condition = try pipeline(tokens, source, isLoop: word == "range")
        loops += word == "range" ? 1 : 0
        let (body, ending) = try list(depth: depth + 1)
        loops -= word == "range" ? 1 : 0
        var otherwise = [Node]()
        switch ending {
        case .end: break
        case .text: throw TemplateError("unexpected EOF: an {{end}} is missing", at: source)
        case .otherwise(let rest, let text):
            if case .word(let next)? = rest.first {
                // {{else if X}} … {{end}}: one end closes both.
                guard next == word, next != "range" else { throw TemplateError("unexpected {{else}}", at: text) }
                otherwise = [try block(next, rest.dropFirst(), text, depth + 1)]
            } else {
                guard rest.isEmpty else { throw TemplateError("unexpected text in {{else}}", at: text) }
                let (nodes, last) = try list(depth: depth + 1)
                guard case .end = last else { throw TemplateError("expected end; found {{else}}", at: text) }
                otherwise = nodes
            }
        }
        scopes.removeLast()
        return switch word {
        case "if": .condition(condition, then: body, otherwise: otherwise)
        case "with": .with(condition, body: body, otherwise: otherwise)
        default: .loop(condition, body: body, otherwise: otherwise)
        }
    }

    // MARK: Pipelines

    private mutating func pipeline(
        _ tokens: ArraySlice<Token>, _ source: String, isLoop: Bool = false, depth: Int = 0
    ) throws(TemplateError) -> Pipeline {
        var rest = tokens
        let result = try pipeline(&rest, source, isLoop: isLoop, depth: depth)
        guard rest.isEmpty else { throw TemplateError("unexpected \")\"", at: source) }
        return result
    }

    private mutating func pipeline(
        _ tokens: inout ArraySlice<Token>, _ source: String, isLoop: Bool, depth: Int
    ) throws(TemplateError) -> Pipeline {
        guard depth < Self.maximumDepth else { throw TemplateError("it is nested too deep") }
        var result = Pipeline()
        try variables(&tokens, &result, source, isLoop: isLoop)
        while true {
            var operands = [Operand]()
            while let token = tokens.first, token != .pipe, token != .close {
                operands.append(try operand(&tokens, source, depth))
            }
            guard !operands.isEmpty else { throw TemplateError("missing value for command", at: source) }
            if !result.commands.isEmpty {
                switch operands[0] {
                case .function, .fields, .variable, .group: break
                case .literal, .dot: throw TemplateError("non executable command in pipeline", at: source)
                }
            }
            result.commands.append(Pipeline.Command(operands: operands, source: source))
            guard tokens.first == .pipe else { break }
            tokens.removeFirst()
        }
        for name in result.variables {
            if result.declares { scopes[scopes.count - 1].insert(name) }
        }
        return result
    }

    private func variables(
        _ tokens: inout ArraySlice<Token>, _ result: inout Pipeline, _ source: String, isLoop: Bool
    ) throws(TemplateError) {
        guard case .variable(let first)? = tokens.first, let second = tokens.dropFirst().first else { return }
        if second == .declare || second == .assign {
            result.variables = [first]
            result.declares = second == .declare
            tokens = tokens.dropFirst(2)
        } else if second == .comma, isLoop, tokens.count >= 4 {
            let start = tokens.startIndex
            guard case .variable(let name) = tokens[start + 2],
                tokens[start + 3] == .declare || tokens[start + 3] == .assign
            else { throw TemplateError("range can only initialize variables", at: source) }
            result.variables = [first, name]
            result.declares = tokens[start + 3] == .declare
            tokens = tokens.dropFirst(4)
        } else {
            return
        }
        let known = scopes[scopes.count - 1]
        for name in result.variables where name.isEmpty || (!result.declares && !known.contains(name)) {
            throw TemplateError("undefined variable \"$\(name)\"", at: source)
        }
    }

    private mutating func operand(
        _ tokens: inout ArraySlice<Token>, _ source: String, _ depth: Int
    ) throws(TemplateError) -> Operand {
        let token = tokens.removeFirst()
        func attached() -> [String] {
            guard case .fields(let names, attached: true)? = tokens.first, !names.isEmpty else { return [] }
            tokens.removeFirst()
            return names
        }
        switch token {
        case .literal(let value): return .literal(value)
        case .fields(let names, _): return names.isEmpty ? .dot : .fields(names)
        case .variable(let name):
            guard scopes[scopes.count - 1].contains(name) else {
                throw TemplateError("undefined variable \"$\(name)\"", at: source)
            }
            return .variable(name, attached())
        case .word(let name):
            guard Functions.names.contains(name) else {
                throw TemplateError("function \"\(name)\" not defined", at: source)
            }
            return .function(name)
        case .open:
            let inner = try pipeline(&tokens, source, isLoop: false, depth: depth + 1)
            guard tokens.first == .close else { throw TemplateError("unclosed left paren", at: source) }
            tokens.removeFirst()
            return .group(inner, attached())
        case .close, .pipe, .comma, .declare, .assign: throw TemplateError("unexpected token", at: source)
        }
    }
}
