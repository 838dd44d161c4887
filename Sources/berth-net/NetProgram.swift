import CommandLine
import Glibc
import ImageStore
import LinuxKernel
import OCI
import RegistryClient

/// Carries out one command.
struct NetProgram: Sendable {
    let invocation: Invocation
    let session: RegistrySession
    /// The directory of all state.
    let root: String

    /// Runs a command and returns the program's exit status.
    static func run(_ invocation: Invocation) async -> Int32 {
        do {
            let program = try NetProgram(invocation)
            let status = await program.carryOut()
            await program.session.shutdown()
            return status
        } catch {
            return report(error)
        }
    }

    private init(_ invocation: Invocation) throws {
        self.invocation = invocation
        let variable = { (name: String) in getenv(name).map { String(cString: $0) } }
        let given = invocation.globals.string("root") ?? variable("BERTH_ROOT") ?? ""
        root = given.isEmpty ? "/var/lib/berth" : Self.absolute(given)
        let place = ConfigurationPlace(directory: invocation.globals.string("config"), variable: variable)
        var settings = try RegistrySettings.read(root: root, variable: variable)
        if invocation.flags.flag("insecure") {
            for name in invocation.operands {
                if let domain = (try? Reference(parsing: name))?.domain {
                    settings.registries[domain, default: .init()].isInsecure = true
                }
            }
        }
        session = RegistrySession(
            settings: settings,
            credentials: CredentialStore(place), proxies: try ProxySettings(variable: variable),
            certificatePlaces: ["\(root)/certs.d"] + CertificateDirectory.places)
    }

    /// A path that does not depend on the working directory.
    static func absolute(_ path: String) -> String {
        if PathText.isAbsolute(path) { return path }
        guard let text = getcwd(nil, 0) else { return path }
        defer { free(text) }
        return String(cString: text) + "/" + path
    }

    private func carryOut() async -> Int32 {
        do {
            switch invocation.command.identifier {
            case "image pull": return try await pull()
            case "image push": return try await push()
            case "image copy": return try await copy()
            case "manifest create": return try await createManifestList()
            case "manifest annotate": return try annotateManifestList()
            case "manifest inspect": return try await inspectManifest()
            case "manifest push": return try await pushManifestList()
            case "manifest rm": return try removeManifestLists()
            case "fetch": return try await fetch()
            case "login": return try await login()
            case "logout": return try logout()
            case "search": return try await search()
            default:
                throw UsageError(
                    "\(invocation.path.joined(separator: " ")) is not supported yet",
                    command: invocation.path.joined(separator: " "))
            }
        } catch {
            return Self.report(error)
        }
    }

    /// Prints an error as one sentence.
    static func report(_ error: any Error) -> Int32 {
        if let error = error as? UsageError {
            writeText("\(error)", to: 2)
            return error.status
        }
        writeText("berth: \(printable("\(error)", limit: 4000))\n", to: 2)
        return 1
    }

    // MARK: For all commands

    /// The image store of this root.
    func store() throws -> ImageStore { try ImageStore(root: "\(root)/images") }

    /// `--platform`, or this machine's.
    func platform() throws -> Platform {
        guard let text = invocation.flags.string("platform"), !text.isEmpty else { return .host }
        return try Platform(parsing: text)
    }

    var isQuiet: Bool { invocation.flags.flag("quiet") }

    /// Lines in a pipe, bars on a terminal, nothing when quiet.
    func progress() -> any TransferProgress {
        if isQuiet { return SilentProgress() }
        return Terminal.isTerminal(1) ? TerminalProgress() : LineProgress()
    }
}
