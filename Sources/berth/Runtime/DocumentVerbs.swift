import CommandLine
import ContainerRuntime
import JSON
import LinuxKernel

/// `spec`.
enum SpecVerb: RuntimeVerb {
    static let command = Command(
        "spec", identifier: "spec", summary: "Write a config.json to begin with", usage: "[OPTIONS]", operands: .none,
        flags: {
            [
                Flag("bundle", "b", .string, "Path of the bundle", default: "."),
                Flag("rootless", nil, .boolean, "For a container of an ordinary user"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let directory = ProcessFlags.path("bundle", invocation.flags) ?? "."
        let document = DefaultConfiguration.document(rootless: invocation.flags.flag("rootless"))
        let path = "\(directory)/config.json"
        do throws(Errno) {
            let file = try Files.open(path, [.writeOnly, .create, .exclusive], mode: 0o666)
            try file.writeAll(document.serialized(indent: 4) + [10])
        } catch {
            throw error == .fileExists
                ? RuntimeError("write", path, cause: "file config.json exists", remedy: "remove it first")
                : RuntimeError("write", path, error)
        }
        return 0
    }
}

/// `features`.
enum FeaturesVerb: RuntimeVerb {
    /// The newest version of the runtime specification that is implemented whole.
    static let newestSpecification = Features.newestSpecification

    static let command = Command(
        "features", identifier: "features", summary: "Print what this runtime can do, as JSON", usage: "",
        operands: .none)

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        writeText(Features.document(version: Version.text).text(indent: 2) + "\n", to: 1)
        return 0
    }
}
