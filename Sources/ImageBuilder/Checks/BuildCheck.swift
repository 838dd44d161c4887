/// The checks of a Dockerfile (Docker's "Build checks"): things that work but should not be written so.
public enum BuildCheck: String, CaseIterable, Sendable {
    case consistentInstructionCasing = "ConsistentInstructionCasing"
    case copyIgnoredFile = "CopyIgnoredFile"
    case duplicateStageName = "DuplicateStageName"
    case exposeInvalidFormat = "ExposeInvalidFormat"
    case exposeProtoCasing = "ExposeProtoCasing"
    case fromAsCasing = "FromAsCasing"
    case fromPlatformFlagConstDisallowed = "FromPlatformFlagConstDisallowed"
    case invalidBaseImagePlatform = "InvalidBaseImagePlatform"
    case invalidDefaultArgInFrom = "InvalidDefaultArgInFrom"
    case invalidDefinitionDescription = "InvalidDefinitionDescription"
    case jsonArgsRecommended = "JSONArgsRecommended"
    case legacyKeyValueFormat = "LegacyKeyValueFormat"
    case maintainerDeprecated = "MaintainerDeprecated"
    case multipleInstructionsDisallowed = "MultipleInstructionsDisallowed"
    case noEmptyContinuation = "NoEmptyContinuation"
    case redundantTargetPlatform = "RedundantTargetPlatform"
    case reservedStageName = "ReservedStageName"
    case secretsUsedInArgOrEnv = "SecretsUsedInArgOrEnv"
    case stageNameCasing = "StageNameCasing"
    case undefinedArgInFrom = "UndefinedArgInFrom"
    case undefinedVar = "UndefinedVar"
    case workdirRelativePath = "WorkdirRelativePath"

    /// Runs only where the file asks for it.
    public var isExperimental: Bool { self == .copyIgnoredFile || self == .invalidDefinitionDescription }

    /// What it holds, in a sentence.
    public var summary: String {
        switch self {
        case .consistentInstructionCasing:
            "All commands within the Dockerfile should use the same casing (either upper or lower)"
        case .copyIgnoredFile: "Attempting to Copy file that is excluded by .dockerignore"
        case .duplicateStageName: "Stage names should be unique"
        case .exposeInvalidFormat: "IP address and host-port mapping should not be used in EXPOSE instruction"
        case .exposeProtoCasing: "Protocol in EXPOSE instruction should be lowercase"
        case .fromAsCasing: "The 'as' keyword should match the case of the 'from' keyword"
        case .fromPlatformFlagConstDisallowed: "FROM --platform flag should not use a constant value"
        case .invalidBaseImagePlatform: "Base image platform does not match expected target platform"
        case .invalidDefaultArgInFrom:
            "Default value for global ARG results in an empty or invalid base image name"
        case .invalidDefinitionDescription:
            "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`"
        case .jsonArgsRecommended:
            "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"
        case .legacyKeyValueFormat: "Legacy key/value format with whitespace separator should not be used"
        case .maintainerDeprecated:
            "The MAINTAINER instruction is deprecated, use a label instead to define an image author"
        case .multipleInstructionsDisallowed:
            "Multiple instructions of the same type should not be used in the same stage"
        case .noEmptyContinuation: "Empty continuation lines will become errors in a future release"
        case .redundantTargetPlatform:
            "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"
        case .reservedStageName: "Reserved words should not be used as stage names"
        case .secretsUsedInArgOrEnv: "Sensitive data should not be used in the ARG or ENV commands"
        case .stageNameCasing: "Stage names should be lowercase"
        case .undefinedArgInFrom: "FROM command must use declared ARGs"
        case .undefinedVar: "Variables should be defined before their use"
        case .workdirRelativePath:
            "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes"
        }
    }
}

/// Something a check found.
public struct Finding: Equatable, Sendable {
    public let check: BuildCheck
    public let message: String
    public let range: SourceRange

    /// `JSONArgsRecommended: JSON arguments recommended… (line 3)`.
    public var line: String { "\(check.rawValue): \(message) (line \(range.firstLine))" }
}

/// Which checks run, from `# check=…` or the build argument BUILDKIT_DOCKERFILE_CHECK.
public struct CheckOptions: Equatable, Sendable {
    var skipped = Set<String>()
    var skipsAll = false
    /// A finding ends the build.
    public var isError = false
    var experimental = Set<String>()
    var allExperimental = false

    /// All but the experimental ones.
    public init() {}

    /// Reads `skip=A,B;error=true;experimental=all`.
    ///
    /// - Throws: ``BuildError`` for a key or value that is none.
    public init(parsing text: String) throws(BuildError) {
        for part in text.utf8.split(separator: UInt8(ascii: ";")) {
            let option = ByteClass.trim(part.map { $0 }[...])
            if option.isEmpty { continue }
            guard let equals = option.firstIndex(of: UInt8(ascii: "=")) else {
                throw BuildError(
                    cause: "invalid check option \(quote(String(decoding: option, as: UTF8.self)))",
                    remedy: "the form is skip=RULES;error=true;experimental=RULES")
            }
            let key = String(decoding: ByteClass.trim(option[..<equals]), as: UTF8.self)
            let value = String(decoding: ByteClass.trim(option[(equals + 1)...]), as: UTF8.self)
            let names = value.utf8.split(separator: UInt8(ascii: ",")).map {
                ByteClass.trim(String(decoding: $0, as: UTF8.self))
            }
            switch key {
            case "skip": if value == "all" { skipsAll = true } else { skipped.formUnion(names) }
            case "experimental": if value == "all" { allExperimental = true } else { experimental.formUnion(names) }
            case "error":
                guard ["true", "false", "1", "0"].contains(value.lowercased()) else {
                    throw BuildError(cause: "the check option error is true or false, not \(quote(value))")
                }
                isError = ["true", "1"].contains(value.lowercased())
            default:
                throw BuildError(
                    cause: "invalid check option \(quote(key))", remedy: "it is skip, error or experimental")
            }
        }
    }

    func runs(_ check: BuildCheck) -> Bool {
        if check.isExperimental, !allExperimental, !experimental.contains(check.rawValue) { return false }
        return !skipsAll && !skipped.contains(check.rawValue)
    }
}

/// Collects what the checks find.
struct Findings {
    let options: CheckOptions
    private(set) var all = [Finding]()

    init(_ options: CheckOptions) { self.options = options }

    mutating func add(_ check: BuildCheck, _ message: String, at range: SourceRange) {
        guard options.runs(check) else { return }
        let finding = Finding(check: check, message: message, range: range)
        // A stage that two others build on is looked at twice.
        if !all.contains(finding) { all.append(finding) }
    }
}
