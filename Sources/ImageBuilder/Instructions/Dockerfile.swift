/// A Dockerfile, understood but not yet planned: variables are as written.
public struct Dockerfile: Sendable {
    /// One `FROM` and what follows it.
    public struct Stage: Equatable, Sendable {
        public var from: FromInstruction
        public var place: PlacedInstruction
        public var instructions: [PlacedInstruction]
    }

    public let source: SourceFile
    public let directives: Directives
    /// `ARG` before the first `FROM`.
    public let globalArguments: [PlacedInstruction]
    public let stages: [Stage]
    /// Instructions with an empty line between their lines.
    let emptyContinuations: [SourceRange]
    /// All keywords in order, for the check of their casing.
    let keywords: [(text: String, range: SourceRange)]

    /// Reads a Dockerfile.
    ///
    /// - Parameter name: what messages call it.
    /// - Throws: ``BuildError`` with the place and what would be right.
    public init(parsing bytes: [UInt8], name: String = "Dockerfile") throws(BuildError) {
        source = SourceFile(name: name, bytes: bytes)
        let reader = try DockerfileReader(bytes)
        directives = reader.directives
        emptyContinuations = reader.emptyContinuations
        var stages = [Stage]()
        var globals = [PlacedInstruction]()
        var keywords = [(text: String, range: SourceRange)]()
        for raw in reader.instructions {
            let instruction = try InstructionReader(raw: raw, escape: reader.directives.escape).read()
            let placed = PlacedInstruction(
                instruction: instruction, keyword: raw.keyword, text: raw.text, range: raw.range, comments: raw.comments
            )
            keywords.append((raw.keyword, raw.range))
            if case .from(let from) = instruction {
                stages.append(Stage(from: from, place: placed, instructions: []))
            } else if !stages.isEmpty {
                stages[stages.count - 1].instructions.append(placed)
            } else if case .arg = instruction {
                globals.append(placed)
            } else {
                throw .syntax(
                    "no build stage in current context", remedy: "FROM comes first; only ARG may stand before it",
                    at: raw.range.highlighting(raw.keyword))
            }
        }
        guard !stages.isEmpty else {
            throw BuildError(cause: "the Dockerfile holds no FROM", remedy: "it begins with FROM and a base image")
        }
        self.stages = stages
        globalArguments = globals
        self.keywords = keywords
    }

    /// Reads one instruction that a base image left for later.
    static func trigger(_ text: String, at range: SourceRange) throws(BuildError) -> PlacedInstruction {
        let reader: DockerfileReader
        do throws(BuildError) { reader = try DockerfileReader(Array(text.utf8)) } catch {
            throw BuildError(operation: "read", object: "the base image's ONBUILD", cause: error.cause, place: range)
        }
        guard reader.instructions.count == 1, let raw = reader.instructions.first else {
            throw BuildError(
                operation: "read", object: "the base image's ONBUILD", cause: "it is not one instruction", place: range)
        }
        let placed: Instruction
        do throws(BuildError) { placed = try InstructionReader(raw: raw, escape: UInt8(ascii: "\\")).read() } catch {
            throw BuildError(operation: "read", object: "the base image's ONBUILD", cause: error.cause, place: range)
        }
        return PlacedInstruction(
            instruction: placed, keyword: raw.keyword, text: raw.text, range: range, comments: [], isTrigger: true)
    }
}
