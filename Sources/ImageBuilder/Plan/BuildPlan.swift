import OCI

/// What a build does, all variables expanded: the stages that the target needs, in an order in which each comes after
/// those it needs.
public struct BuildPlan: Sendable {
    public var stages: [StagePlan]
    /// The stage that becomes the image.
    public var target: Int
    public var findings: [Finding]
    /// A check asked to end the build on what it finds.
    public var findingsAreErrors: Bool
    /// `--build-arg` that nothing declared.
    public var unusedArguments: [String]
    /// The moment for all times of the image (`SOURCE_DATE_EPOCH`), seconds since 1970.
    public var epoch: Int64?
}

/// One stage of a plan.
public struct StagePlan: Sendable {
    /// Where its file system begins.
    public enum Base: Sendable, Equatable {
        case scratch
        case image(BaseImage)
        /// Another stage of the plan, by place.
        case stage(Int)
    }

    /// For titles: its name or `stage-N`; empty where there is only one.
    public var name: String
    public var base: Base
    public var platform: Platform
    public var steps: [BuildStep]
    /// The configuration without layers; histories of this build's steps have no time yet.
    public var configuration: ImageConfiguration
    /// How many histories come from the base image.
    public var inheritedHistories: Int
    /// Where its FROM stands.
    public var range: SourceRange
    /// Places of the stages it needs.
    public var needs: Set<Int>
    var state = State()
}

/// Something that makes a layer.
public struct BuildStep: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case run(RunStep)
        case copy(CopyStep)
        /// WORKDIR: a directory with its parents, belonging to a user.
        case directory(path: String, user: String)
    }

    public var kind: Kind
    /// As progress shows it: `[build 2/4] RUN make`.
    public var title: String
    public var range: SourceRange
    /// `--no-cache` or `--no-cache-filter`.
    public var ignoresCache: Bool
}

/// RUN.
public struct RunStep: Sendable, Equatable {
    /// What is executed.
    public var arguments: [String]
    /// `NAME=VALUE` each.
    public var environment: [String]
    /// Proxy variables: seen by the program, but no part of the key.
    public var proxies: [String]
    public var workingDirectory: String
    public var user: String
    public var mounts: [MountStep]
    /// `default`, `none` or `host`.
    public var network: String
    public var isInsecure: Bool
    public var extraHosts: [String]
    /// A document with `#!` that is executed: its name and content, below `/dev/pipes`.
    public var document: Document?

    public struct Document: Sendable, Equatable {
        public var name: String
        public var content: String
    }
}

/// A mount of a RUN with its source found.
public struct MountStep: Sendable, Equatable {
    public var mount: RunMount
    /// For bind and cache; nil for the others and for a cache that begins empty.
    public var source: TreeSource?
    /// Absolute.
    public var target: String
}

/// A tree that files come from.
public enum TreeSource: Sendable, Equatable {
    /// The build context.
    case context
    /// A directory of `--build-context`.
    case directory(name: String, path: String)
    case stage(Int)
    case image(BaseImage)
}

/// COPY or ADD.
public struct CopyStep: Sendable, Equatable {
    public var source: TreeSource
    public var sources: [String]
    /// Name and content.
    public var documents: [RunStep.Document]
    /// Absolute; ends with a slash where a directory is meant.
    public var destination: String
    /// `USER[:GROUP]`; nil means root.
    public var chown: String?
    public var chmod: String?
    public var link: Bool
    public var parents: Bool
    public var excludes: [String]
    public var isAdd: Bool
    public var unpacks: Bool?
    public var checksum: String?
    public var keepsGitDirectory: Bool
}
