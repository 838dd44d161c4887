import JSON

/// The functions: those of `text/template` that work on plain data, and those that Docker adds (`cli/templates`).
enum Functions {
    static let names: Set<String> = [
        "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "printf", "println",
        "json", "join", "split", "lower", "upper", "title", "pad", "truncate", "html", "urlquery",
    ]

    /// Go's idea of what is true: neither false nor zero nor empty.
    static func isTrue(_ value: JSONValue) -> Bool {
        switch value {
        case .null: false
        case .bool(let bool): bool
        case .integer(let number): number != 0
        case .unsigned(let number): number != 0
        case .double(let number): number != 0
        case .string(let text): !text.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object(let object): !object.isEmpty
        }
    }

    static func call(
        _ name: String, _ arguments: [JSONValue], usesHeadings: Bool
    ) throws(TemplateError) -> JSONValue {
        if usesHeadings, let heading = heading(name, arguments) { return heading }
        switch name {
        case "not": return .bool(!isTrue(try one(arguments)))
        case "eq", "ne", "lt", "le", "gt", "ge": return .bool(try Comparison.holds(name, arguments))
        case "len": return try length(try one(arguments))
        case "index": return try index(arguments)
        case "slice": return try slice(arguments)
        case "print": return .string(joined(arguments, always: false))
        case "println": return .string(joined(arguments, always: true) + "\n")
        case "printf":
            guard let format = arguments.first else {
                throw TemplateError("wrong number of args: want at least 1 got 0")
            }
            return .string(try GoText.formatted(try string(format), Array(arguments.dropFirst())))
        case "json": return .string(try one(arguments).text())
        default: return try text(name, arguments)
        }
    }

    private static func text(_ name: String, _ arguments: [JSONValue]) throws(TemplateError) -> JSONValue {
        switch name {
        case "lower": return .string(try string(one(arguments)).lowercased())
        case "upper": return .string(try string(one(arguments)).uppercased())
        case "title": return .string(title(try string(one(arguments))))
        case "html": return .string(escaped(GoText.plain(try one(arguments))))
        case "urlquery": return .string(query(GoText.plain(try one(arguments))))
        case "join":
            try expect(2, arguments)
            guard let elements = arguments[0].arrayValue ?? (arguments[0] == .null ? [] : nil) else {
                throw TemplateError("wrong type for value; expected []string; got \(GoText.typeName(arguments[0]))")
            }
            return .string(
                elements.map { $0.stringValue ?? GoText.plain($0) }.joined(separator: try string(arguments[1])))
        case "split":
            try expect(2, arguments)
            return JSONValue(split(try string(arguments[0]), by: try string(arguments[1])))
        case "pad":
            // The value may be empty, which stays so (Docker's padWithSpace).
            try expect(3, arguments)
            let text = try string(arguments[0])
            let (before, after) = (try count(arguments[1]), try count(arguments[2]))
            if text.isEmpty { return .string("") }
            return .string(String(repeating: " ", count: before) + text + String(repeating: " ", count: after))
        case "truncate":
            try expect(2, arguments)
            let text = try string(arguments[0])
            return .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(try count(arguments[1])))))
        default: throw TemplateError("function \"\(name)\" not defined")
        }
    }

    /// Functions leave headings as they are (Docker's `templates.HeaderFunctions`).
    private static func heading(_ name: String, _ arguments: [JSONValue]) -> JSONValue? {
        switch name {
        case "json", "split", "join", "title", "lower", "upper", "truncate": arguments.first
        default: nil
        }
    }

    // MARK: Arguments

    private static func expect(_ wanted: Int, _ arguments: [JSONValue]) throws(TemplateError) {
        guard arguments.count == wanted else {
            throw TemplateError("wrong number of args: want \(wanted) got \(arguments.count)")
        }
    }

    private static func one(_ arguments: [JSONValue]) throws(TemplateError) -> JSONValue {
        try expect(1, arguments)
        return arguments[0]
    }

    private static func string(_ value: JSONValue) throws(TemplateError) -> String {
        guard case .string(let text) = value else {
            throw TemplateError("wrong type for value; expected string; got \(GoText.typeName(value))")
        }
        return text
    }

    private static func count(_ value: JSONValue) throws(TemplateError) -> Int {
        guard let number = value.integerValue(as: Int.self), (0...GoText.maximumWidth).contains(number) else {
            throw TemplateError("a number from 0 to \(GoText.maximumWidth) was expected, not \(GoText.plain(value))")
        }
        return number
    }

    // MARK: Collections

    private static func length(_ value: JSONValue) throws(TemplateError) -> JSONValue {
        switch value {
        case .string(let text): return JSONValue(text.utf8.count)
        case .array(let elements): return JSONValue(elements.count)
        case .object(let object): return JSONValue(object.members.count)
        default: throw TemplateError("len of \(value == .null ? "nil pointer" : "type \(GoText.typeName(value))")")
        }
    }

    private static func index(_ arguments: [JSONValue]) throws(TemplateError) -> JSONValue {
        guard var value = arguments.first else { throw TemplateError("wrong number of args: want at least 1 got 0") }
        for key in arguments.dropFirst() {
            switch value {
            case .array(let elements):
                guard let place = key.integerValue(as: Int.self), elements.indices.contains(place) else {
                    throw TemplateError("index out of range: \(GoText.plain(key))")
                }
                value = elements[place]
            case .string(let text):
                let bytes = Array(text.utf8)
                guard let place = key.integerValue(as: Int.self), bytes.indices.contains(place) else {
                    throw TemplateError("index out of range: \(GoText.plain(key))")
                }
                value = JSONValue(bytes[place])
            case .object(let object):
                // What a map does not have is its element's zero; which type that is, only text can be guessed.
                value =
                    object[try string(key)] ?? (object.members.allSatisfy { $0.value.stringValue != nil } ? "" : .null)
            case .null: throw TemplateError("index of untyped nil")
            default: throw TemplateError("can't index item of type \(GoText.typeName(value))")
            }
        }
        return value
    }

    private static func slice(_ arguments: [JSONValue]) throws(TemplateError) -> JSONValue {
        guard let value = arguments.first, arguments.count <= 3 else {
            throw TemplateError("wrong number of args: want 1 to 3 got \(arguments.count)")
        }
        func bounds(_ length: Int) throws(TemplateError) -> Range<Int> {
            var ends = [0, length]
            for (place, argument) in arguments.dropFirst().enumerated() {
                guard let number = argument.integerValue(as: Int.self), (0...length).contains(number) else {
                    throw TemplateError("index out of range: \(GoText.plain(argument))")
                }
                ends[place] = number
            }
            guard ends[0] <= ends[1] else { throw TemplateError("invalid slice index: \(ends[0]) > \(ends[1])") }
            return ends[0]..<ends[1]
        }
        switch value {
        case .string(let text):
            let bytes = Array(text.utf8)
            return .string(String(decoding: bytes[try bounds(bytes.count)], as: UTF8.self))
        case .array(let elements): return .array(Array(elements[try bounds(elements.count)]))
        default: throw TemplateError("can't slice item of type \(GoText.typeName(value))")
        }
    }

    // MARK: Text

    /// `print` puts a space between two operands when neither is a string, `println` always.
    private static func joined(_ values: [JSONValue], always: Bool) -> String {
        var result = ""
        for (place, value) in values.enumerated() {
            if place > 0, always || (value.stringValue == nil && values[place - 1].stringValue == nil) { result += " " }
            result += GoText.plain(value)
        }
        return result
    }

    private static func title(_ text: String) -> String {
        var result = ""
        var begins = true
        for character in text {
            result += begins ? character.uppercased() : String(character)
            begins = !(character.isLetter || character.isNumber || character == "_" || character == "'")
        }
        return result
    }

    /// Between bytes, not characters as people see them; an empty separator cuts everywhere.
    private static func split(_ text: String, by separator: String) -> [String] {
        if separator.isEmpty { return text.unicodeScalars.map { String(Character($0)) } }
        let bytes = Array(text.utf8)
        let mark = Array(separator.utf8)
        var parts = [String]()
        var start = 0
        var index = 0
        while index + mark.count <= bytes.count {
            if bytes[index] == mark[0], bytes[index..<(index + mark.count)].elementsEqual(mark) {
                parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
                index += mark.count
                start = index
            } else {
                index += 1
            }
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "<": "&lt;"
            case ">": "&gt;"
            case "&": "&amp;"
            case "\"": "&#34;"
            case "'": "&#39;"
            default: String(Character(scalar))
            }
        }.joined()
    }

    private static func query(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(Unicode.Scalar(byte))
            case 0x20: "+"
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16).uppercased()
            }
        }.joined()
    }
}

/// `eq` and its like.
enum Comparison {
    static func holds(_ name: String, _ arguments: [JSONValue]) throws(TemplateError) -> Bool {
        guard let first = arguments.first, arguments.count >= 2 else {
            throw TemplateError("missing argument for comparison")
        }
        if name == "eq" {
            for other in arguments.dropFirst() {
                if try equal(first, other) { return true }
            }
            return false
        }
        guard arguments.count == 2 else { throw TemplateError("wrong number of args: want 2 got \(arguments.count)") }
        let second = arguments[1]
        switch name {
        case "ne": return try !equal(first, second)
        case "lt": return try less(first, second)
        case "le": return try !less(second, first)
        case "gt": return try less(second, first)
        default: return try !less(first, second)
        }
    }

    private static func equal(_ a: JSONValue, _ b: JSONValue) throws(TemplateError) -> Bool {
        switch (a, b) {
        case (.string, .string), (.bool, .bool), (.null, _), (_, .null): return a == b
        case (.array, _), (_, .array), (.object, _), (_, .object): throw TemplateError("non-comparable type")
        default:
            if let one = a.doubleValue, let two = b.doubleValue { return one == two }
            throw TemplateError("incompatible types for comparison")
        }
    }

    private static func less(_ a: JSONValue, _ b: JSONValue) throws(TemplateError) -> Bool {
        if let one = a.stringValue, let two = b.stringValue {
            return Array(one.utf8).lexicographicallyPrecedes(two.utf8)
        }
        if let one = a.integerValue(as: Int64.self), let two = b.integerValue(as: Int64.self) { return one < two }
        if let one = a.doubleValue, let two = b.doubleValue { return one < two }
        throw TemplateError("incompatible types for comparison")
    }
}
