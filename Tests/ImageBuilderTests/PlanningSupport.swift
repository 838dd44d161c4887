import ImageStore
import OCI
import Testing

@testable import ImageBuilder

/// Images that exist only as configurations.
struct FakeImages: BaseImageSource {
    var configurations = [String: ImageConfiguration]()

    func baseImage(_ name: String, platform: Platform) throws(BuildError) -> BaseImage {
        if name.hasPrefix("missing") {
            throw BuildError(operation: "find", object: name, cause: "No such image: \(name)")
        }
        var configuration = configurations[name] ?? ImageConfiguration(platform: platform, diffIDs: [])
        if configurations[name] == nil { configuration.config.environment = ["PATH=/usr/bin:/bin", "BASE=\(name)"] }
        return BaseImage(name: name, configuration: configuration, layers: [])
    }
}

func plan(
    _ text: String, arguments: [(name: String, value: String)] = [], target: String? = nil, ignore: String = "",
    images: FakeImages = FakeImages(), contexts: [NamedContext] = [], checksOnly: Bool = false,
    checks: String? = nil
) throws -> BuildPlan {
    var request = BuildRequest()
    request.arguments = arguments
    if let checks { request.arguments.append(("BUILDKIT_DOCKERFILE_CHECK", checks)) }
    request.target = target
    request.contexts = contexts
    let file = try Dockerfile(parsing: Array(text.utf8))
    return try Planner.plan(
        file, request, images: images, ignored: try IgnoreRules(parsing: Array(ignore.utf8)), checksOnly: checksOnly)
}

/// The error that a text is refused with; nil when it is not.
func refusal(_ text: String) -> BuildError? {
    do throws(BuildError) {
        let file = try Dockerfile(parsing: Array(text.utf8))
        _ = try Planner.plan(file, BuildRequest(), images: FakeImages())
        return nil
    } catch {
        return error
    }
}

/// The only RUN, COPY or WORKDIR of the target.
func onlyStep(_ text: String, arguments: [(name: String, value: String)] = []) throws -> BuildStep {
    let plan = try plan(text, arguments: arguments)
    return try #require(plan.stages[plan.target].steps.last)
}

extension BuildStep {
    var run: RunStep? { if case .run(let step) = kind { step } else { nil } }
    var copy: CopyStep? { if case .copy(let step) = kind { step } else { nil } }
}
