/// Cuts a Dockerfile into instructions: directives, comments, continued lines, documents (BuildKit's parser in
/// behaviour). A pure function of the bytes; whatever they are, it ends, with memory in proportion to them.
struct DockerfileReader {
    /// More than this is no Dockerfile.
    static let maximumSize = 16 << 20

    private(set) var directives = Directives()
    private(set) var instructions = [RawInstruction]()
    /// Where a continued instruction goes on after an empty line, which will be an error one day.
    private(set) var emptyContinuations = [SourceRange]()

    private let lines: [ArraySlice<UInt8>]
    private var index = 0

    /// Reads the whole file.
    ///
    /// - Throws: ``BuildError`` with the line.
    init(_ bytes: [UInt8]) throws(BuildError) {
        guard bytes.count <= Self.maximumSize else {
            throw BuildError(cause: "the Dockerfile is larger than \(Self.maximumSize >> 20) MiB")
        }
        let withoutMark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        if let zero = withoutMark.firstIndex(of: 0) {
            let line = bytes[..<zero].count { $0 == 10 } + 1
            throw .syntax(
                "the file holds a zero byte", remedy: "Dockerfiles are text in UTF-8",
                at: SourceRange(firstLine: line, lastLine: line))
        }
        var lines = withoutMark.split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
        try readAll()
        guard !instructions.isEmpty else {
            throw BuildError(
                cause: "the Dockerfile holds no instructions", remedy: "it begins with FROM and a base image")
        }
    }

    private mutating func readAll() throws(BuildError) {
        var comments = [String]()
        while index < lines.count {
            let raw = Self.withoutReturn(lines[index])
            let line = raw.drop(while: ByteClass.isBlank)
            let number = index + 1
            try directives.read(raw, number: number)
            if line.first == UInt8(ascii: "#") {
                comments.append(String(decoding: ByteClass.trim(line.dropFirst()), as: UTF8.self))
                index += 1
                continue
            }
            if line.isEmpty {
                comments = []
                index += 1
                continue
            }
            try readInstruction(from: line, first: number, comments)
            comments = []
        }
    }

    /// One instruction, from its first line to its last, documents included.
    private mutating func readInstruction(
        from line: ArraySlice<UInt8>, first: Int, _ comments: [String]
    ) throws(BuildError) {
        index += 1
        var (joined, continues) = withoutContinuation(line)
        var hasEmptyLine = false
        while continues, index < lines.count {
            let next = Self.withoutReturn(lines[index])
            index += 1
            let content = next.drop(while: ByteClass.isBlank)
            if content.first == UInt8(ascii: "#") { continue }
            if content.isEmpty {
                hasEmptyLine = true
                continue
            }
            let (part, goesOn) = withoutContinuation(next)
            joined += part
            continues = goesOn
        }
        let text = String(decoding: joined, as: UTF8.self)
        guard text.utf8.contains(where: { !ByteClass.isBlank($0) }) else { return }
        var instruction = try RawInstruction(
            line: text, range: SourceRange(firstLine: first, lastLine: index), comments: comments)
        if hasEmptyLine { emptyContinuations.append(instruction.range) }
        if text.utf8.contains(60), instruction.mayHoldHeredocs {
            for document in Heredoc.all(in: text) {
                instruction.heredocs.append(try read(document, instruction.range))
            }
            instruction.range.lastLine = index
        }
        instructions.append(instruction)
    }

    private mutating func read(_ begun: Heredoc, _ range: SourceRange) throws(BuildError) -> Heredoc {
        var document = begun
        var content = [UInt8]()
        let end = Array(document.name.utf8)
        while index < lines.count {
            let line = lines[index]
            index += 1
            var candidate = Self.withoutReturn(line)
            if document.chomps { candidate = candidate.drop { $0 == 9 } }
            if candidate.elementsEqual(end) {
                document.content = String(decoding: content, as: UTF8.self)
                return document
            }
            content += line
            content.append(10)
        }
        throw .syntax(
            "unterminated heredoc", remedy: "a line that holds only \(harmless(document.name)) ends it",
            at: range.highlighting("<<"))
    }

    private static func withoutReturn(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var result = line
        while result.last == 13 { result.removeLast() }
        return result
    }

    /// The line without the escape character at its end, if it has one that is not escaped itself.
    private func withoutContinuation(_ line: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, Bool) {
        var end = line
        while let last = end.last, last == 32 || last == 9 { end.removeLast() }
        guard end.last == directives.escape else { return (line, false) }
        end.removeLast()
        if end.last == directives.escape { return (line, false) }
        return (end, true)
    }
}
