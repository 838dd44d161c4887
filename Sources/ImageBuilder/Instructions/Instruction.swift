/// What an instruction asks for. Texts are as written: variables are expanded when a stage is planned.
public enum Instruction: Equatable, Sendable {
    case add(CopyInstruction)
    case arg([ArgumentDeclaration])
    case cmd(CommandForm)
    case copy(CopyInstruction)
    case entrypoint(CommandForm)
    case env([KeyValue])
    case expose([String])
    case from(FromInstruction)
    case healthcheck(HealthcheckInstruction)
    case label([KeyValue])
    case maintainer(String)
    case onBuild(String)
    case run(RunInstruction)
    case shell([String])
    case stopSignal(String)
    case user(String)
    case volume([String])
    case workdir(String)
}

/// An instruction and where it stands.
public struct PlacedInstruction: Equatable, Sendable {
    /// What it asks for.
    public var instruction: Instruction
    /// The keyword as written.
    public var keyword: String
    /// The instruction in one line, as written.
    public var text: String
    /// Its lines.
    public var range: SourceRange
    /// Comments right before it.
    public var comments: [String]
    /// It comes from a base image's ONBUILD.
    public var isTrigger = false
}

/// `NAME=VALUE`, both as written.
public struct KeyValue: Equatable, Sendable {
    public var key: String
    public var value: String
    /// Written in the old form, with a blank between.
    public var isLegacy: Bool
}

/// `ARG NAME[=DEFAULT]`.
public struct ArgumentDeclaration: Equatable, Sendable {
    public var name: String
    /// The default as written; nil for none.
    public var value: String?
}

/// Words to execute, or a line for the shell.
public struct CommandForm: Equatable, Sendable {
    /// The words of the JSON form, or the line alone.
    public var words: [String]
    /// It is a line for the shell.
    public var usesShell: Bool
    /// Documents it begins.
    public var heredocs: [Heredoc] = []
}

/// `FROM [--platform=P] BASE [AS NAME]`.
public struct FromInstruction: Equatable, Sendable {
    public var base: String
    /// In lower case; nil for none.
    public var name: String?
    /// The name as written.
    public var writtenName: String?
    /// The word `AS` as written.
    public var asKeyword: String?
    public var platform: String?
}

/// COPY or ADD.
public struct CopyInstruction: Equatable, Sendable {
    /// Paths, patterns, and for ADD URLs; documents are ``documents``.
    public var sources: [String]
    public var documents: [Heredoc]
    public var destination: String
    /// COPY: stage, image or named context.
    public var from: String?
    public var chown: String?
    public var chmod: String?
    public var link = false
    /// COPY: directories of the sources are made below the destination.
    public var parents = false
    public var excludes: [String] = []
    /// ADD: what the source has to hash to.
    public var checksum: String?
    /// ADD: a Git source keeps its `.git`.
    public var keepsGitDirectory = false
    /// ADD: whether archives are unpacked; nil means local ones are, remote ones are not.
    public var unpacks: Bool?
}

/// RUN.
public struct RunInstruction: Equatable, Sendable {
    public var command: CommandForm
    /// Values of `--mount` as written; see ``RunMount``.
    public var mounts: [String] = []
    /// `default`, `none` or `host`.
    public var network: String?
    /// `sandbox` or `insecure`.
    public var security: String?
}

/// HEALTHCHECK; times in nanoseconds, 0 for the engine's default.
public struct HealthcheckInstruction: Equatable, Sendable {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", LINE]`.
    public var test: [String]
    public var interval: Int64 = 0
    public var timeout: Int64 = 0
    public var startPeriod: Int64 = 0
    public var startInterval: Int64 = 0
    public var retries = 0
}
