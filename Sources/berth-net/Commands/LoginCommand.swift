import CommandLine
import Glibc
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    /// The registry a user means by SERVER: a host with a port perhaps; Docker Hub without one.
    private func server() throws -> String {
        guard var text = invocation.operands.first, !text.isEmpty else { return Reference.defaultDomain }
        for prefix in ["https://", "http://"] where ByteText.begins(text, with: prefix) {
            text = String(text.dropFirst(prefix.count))
        }
        let host = ByteText.fields(text, by: "/").first ?? ""
        guard RegistryName.isValid(host) else {
            throw CommandFailure("\"\(printable(text))\" is no registry's HOST[:PORT]")
        }
        return ["index.docker.io", "registry-1.docker.io"].contains(host) ? Reference.defaultDomain : host
    }

    /// `login`.
    func login() async throws -> Int32 {
        let registry = try server()
        let flags = invocation.flags
        func refuse(_ text: String) -> UsageError {
            UsageError(text, command: invocation.path.joined(separator: " "), status: 1)
        }
        var user = flags.string("username") ?? ""
        var secret = flags.string("password") ?? ""
        if flags.isGiven("password") {
            writeText("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n", to: 2)
            guard !flags.flag("password-stdin") else {
                throw refuse("--password and --password-stdin are mutually exclusive")
            }
        }
        if flags.flag("password-stdin") {
            guard !user.isEmpty else { throw refuse("Must provide --username with --password-stdin") }
            secret = try Self.readLine(whole: true)
        }
        if user.isEmpty || secret.isEmpty {
            guard Terminal.isTerminal(0) else {
                throw CommandFailure(
                    "cannot log in to \(registry): standard input is no terminal to ask on; give --username and"
                        + " --password-stdin")
            }
            if user.isEmpty {
                writeText("Username: ", to: 1)
                user = try Self.readLine(whole: false)
            }
            if secret.isEmpty {
                writeText("Password: ", to: 1)
                secret = try Self.withoutEcho { try Self.readLine(whole: false) }
                writeText("\n", to: 1)
            }
        }
        guard !user.isEmpty, !secret.isEmpty else { throw CommandFailure("a user name and a password are needed") }
        // RFC 7617: the name ends at the first colon.
        guard !user.utf8.contains(UInt8(ascii: ":")) else { throw CommandFailure("a user name cannot hold a colon") }
        let credentials = Credentials.password(user: user, secret: secret)
        try await session.verify(credentials, for: registry)
        let keeper = try session.credentials.store(credentials, for: registry)
        if keeper == nil {
            writeText(
                "\nWARNING! Your credentials are stored unencrypted in '\(printable(session.credentials.path))'.\n"
                    + "Configure a credential helper to remove this warning.\n\n", to: 2)
        }
        writeText("Login Succeeded\n", to: 1)
        return 0
    }

    /// `logout`.
    func logout() throws -> Int32 {
        let registry = try server()
        let shown = DockerConfiguration.key(registry)
        if try session.credentials.erase(for: registry) {
            writeText("Removing login credentials for \(shown)\n", to: 1)
        } else {
            writeText("Not logged in to \(shown)\n", to: 1)
        }
        return 0
    }

    /// A line of standard input, or all of it, without the newline at its end.
    private static func readLine(whole: Bool) throws -> String {
        var result = [UInt8]()
        var byte: UInt8 = 0
        while result.count < 64 << 10 {
            let count = Glibc.read(0, &byte, 1)
            if count < 0, errno == EINTR { continue }
            if count <= 0 || (!whole && byte == 10) { break }
            result.append(byte)
        }
        while let last = result.last, last == 10 || last == 13 { result.removeLast() }
        guard let text = String(validating: result, as: UTF8.self), !text.utf8.contains(0) else {
            throw CommandFailure("what was read is no text")
        }
        return text
    }

    private static func withoutEcho<T>(_ body: () throws -> T) throws -> T {
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { return try body() }
        var silent = before
        silent.c_lflag &= ~UInt32(ECHO)
        tcsetattr(0, TCSANOW, &silent)
        defer { tcsetattr(0, TCSANOW, &before) }
        return try body()
    }
}
