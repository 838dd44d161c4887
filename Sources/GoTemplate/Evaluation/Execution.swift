import JSON

/// A template at work.
struct Execution {
    let root: JSONValue
    let methods: [String: Template.Method]
    let usesHeadings: Bool
    private(set) var output = ""
    private var variables: [(name: String, value: JSONValue)]
    private var steps = 0
    private var length = 0

    /// Loops in loops over long lists end here.
    private static let maximumSteps = 1_000_000
    private static let maximumOutput = 64 << 20

    /// Whether a list of nodes ran to its end.
    enum Flow { case done, leave, next }

    init(root: JSONValue, methods: [String: Template.Method], usesHeadings: Bool) {
        self.root = root
        self.methods = methods
        self.usesHeadings = usesHeadings
        variables = [("", root)]
    }

    private mutating func emit(_ text: String) throws(TemplateError) {
        length += text.utf8.count
        guard length <= Self.maximumOutput else { throw TemplateError("its output is too long") }
        output += text
    }

    private mutating func count(_ number: Int = 1) throws(TemplateError) {
        steps += number
        guard steps <= Self.maximumSteps else { throw TemplateError("it takes too many steps") }
    }

    /// Runs nodes with `dot` as the present value.
    mutating func run(_ nodes: [Node], dot: JSONValue) throws(TemplateError) -> Flow {
        let depth = variables.count
        defer { variables.removeLast(variables.count - depth) }
        for node in nodes {
            try count()
            switch node {
            case .text(let text): try emit(text)
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot)
                if pipeline.variables.isEmpty { try emit(GoText.printed(value)) }
            case .condition(let pipeline, let then, let otherwise):
                let before = variables.count
                let value = try evaluate(pipeline, dot)
                let flow = try run(Functions.isTrue(value) ? then : otherwise, dot: dot)
                variables.removeLast(variables.count - before)
                if flow != .done { return flow }
            case .with(let pipeline, let body, let otherwise):
                let before = variables.count
                let value = try evaluate(pipeline, dot)
                let isTrue = Functions.isTrue(value)
                let flow = try run(isTrue ? body : otherwise, dot: isTrue ? value : dot)
                variables.removeLast(variables.count - before)
                if flow != .done { return flow }
            case .loop(let pipeline, let body, let otherwise):
                if try loop(pipeline, body, otherwise, dot) != .done { return .leave }
            case .breakLoop: return .leave
            case .continueLoop: return .next
            }
        }
        return .done
    }

    private mutating func loop(
        _ pipeline: Pipeline, _ body: [Node], _ otherwise: [Node], _ dot: JSONValue
    ) throws(TemplateError) -> Flow {
        let before = variables.count
        defer { variables.removeLast(variables.count - before) }
        var plain = pipeline
        plain.variables = []
        let value = try evaluate(plain, dot)
        let elements: [(JSONValue, JSONValue)]
        switch value {
        case .array(let array): elements = array.enumerated().map { (JSONValue($0.offset), $0.element) }
        case .object(let object):
            elements = object.members.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        case .null: elements = []
        case .integer(let count) where (0...1_000_000).contains(count):
            elements = (0..<count).map { (.integer($0), .integer($0)) }
        default: throw TemplateError("range can't iterate over \(GoText.plain(value))")
        }
        if elements.isEmpty { return try run(otherwise, dot: dot) }
        try count(elements.count)
        for (key, element) in elements {
            let inside = variables.count
            let names = pipeline.variables
            try bind(names.count == 2 ? [(names[0], key), (names[1], element)] : names.map { ($0, element) }, pipeline)
            let flow = try run(body, dot: element)
            variables.removeLast(variables.count - inside)
            if flow == .leave { break }
        }
        return .done
    }

    private mutating func bind(_ values: [(String, JSONValue)], _ pipeline: Pipeline) throws(TemplateError) {
        for (name, value) in values {
            if pipeline.declares {
                variables.append((name, value))
            } else if let place = variables.lastIndex(where: { $0.name == name }) {
                variables[place].value = value
            }
        }
    }

    // MARK: Values

    private mutating func evaluate(_ pipeline: Pipeline, _ dot: JSONValue) throws(TemplateError) -> JSONValue {
        var value: JSONValue?
        for command in pipeline.commands {
            try count()
            value = try evaluate(command, dot, last: value)
        }
        let result = value ?? .null
        try bind(pipeline.variables.map { ($0, result) }, pipeline)
        return result
    }

    private mutating func evaluate(
        _ command: Pipeline.Command, _ dot: JSONValue, last: JSONValue?
    ) throws(TemplateError) -> JSONValue {
        let operands = command.operands
        switch operands[0] {
        case .function(let name):
            if name == "and" || name == "or" { return try logical(name, operands.dropFirst(), dot, last) }
            var arguments = [JSONValue]()
            for operand in operands.dropFirst() { arguments.append(try evaluate(operand, dot, command.source)) }
            if let last { arguments.append(last) }
            do throws(TemplateError) {
                return try Functions.call(name, arguments, usesHeadings: usesHeadings)
            } catch {
                throw TemplateError("error calling \(name): \(error.cause)", at: command.source)
            }
        case .fields(let names):
            var arguments = [JSONValue]()
            for operand in operands.dropFirst() { arguments.append(try evaluate(operand, dot, command.source)) }
            if let last { arguments.append(last) }
            return try fields(names, of: dot, arguments, command.source)
        case let operand:
            guard operands.count == 1, last == nil else {
                throw TemplateError("can't give argument to non-function", at: command.source)
            }
            return try evaluate(operand, dot, command.source)
        }
    }

    /// `and` and `or` look no further than they must.
    private mutating func logical(
        _ name: String, _ operands: ArraySlice<Operand>, _ dot: JSONValue, _ last: JSONValue?
    ) throws(TemplateError) -> JSONValue {
        var value: JSONValue?
        for operand in operands {
            let next = try evaluate(operand, dot, name)
            value = next
            if Functions.isTrue(next) == (name == "or") { return next }
        }
        if let last { return last }
        guard let value else { throw TemplateError("wrong number of args for \(name): want at least 1 got 0") }
        return value
    }

    private mutating func evaluate(
        _ operand: Operand, _ dot: JSONValue, _ source: String
    ) throws(TemplateError) -> JSONValue {
        switch operand {
        case .literal(let value): return value
        case .dot: return dot
        case .fields(let names): return try fields(names, of: dot, [], source)
        case .variable(let name, let names):
            return try fields(names, of: variables.last { $0.name == name }?.value ?? .null, [], source)
        case .function(let name): return try Functions.call(name, [], usesHeadings: usesHeadings)
        case .group(let pipeline, let names):
            let before = variables.count
            let value = try evaluate(pipeline, dot)
            variables.removeLast(variables.count - before)
            return try fields(names, of: value, [], source)
        }
    }

    private func fields(
        _ names: [String], of start: JSONValue, _ arguments: [JSONValue], _ source: String
    ) throws(TemplateError) -> JSONValue {
        var value = start
        for (index, name) in names.enumerated() {
            let isLast = index == names.count - 1
            if index == 0, let method = methods[name], start == root {
                value = try method(isLast ? arguments : [])
                if isLast { return value }
                continue
            }
            switch value {
            case .object(let object):
                if let member = object[name] {
                    value = member
                } else if Self.isRecord(object) {
                    throw TemplateError("map has no entry for key \"\(name)\"", at: source)
                } else {
                    value = .null
                }
            case .null: value = .null
            default: throw TemplateError("can't evaluate field \(name) in type \(GoText.typeName(value))", at: source)
            }
        }
        guard arguments.isEmpty else {
            throw TemplateError("\(names.last ?? "") has arguments but cannot be invoked as function", at: source)
        }
        return value
    }

    /// Whether an object stands for one of Go's structs, where every field is always there and an unknown one is a
    /// mistake, and not for a map with keys of somebody's choice.
    private static func isRecord(_ object: JSONObject) -> Bool {
        guard !object.isEmpty else { return false }
        return object.members.allSatisfy { member in
            guard let first = member.key.utf8.first, (0x41...0x5A).contains(first) else { return false }
            return member.key.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) }
                && member.key.utf8.contains { $0 & 0x20 != 0 || member.key.utf8.count <= 3 }
        }
    }
}
