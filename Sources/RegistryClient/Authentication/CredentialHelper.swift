import Glibc
import JSON
import LinuxKernel
import OCI

/// A program that keeps credentials, `docker-credential-NAME` (docker-credential-helpers): a verb as its argument, text or
/// JSON on its standard input and output.
package struct CredentialHelper: Sendable {
    let name: String
    private let path: String

    /// Finds the program in PATH.
    init(_ name: String) throws(RegistryError) {
        self.name = name
        let program = "docker-credential-\(name)"
        let isWord = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        var found: String?
        if isWord {
            for directory in search.utf8.split(separator: UInt8(ascii: ":")) {
                let path = "\(Substring(directory))/\(program)"
                guard PathText.isAbsolute(path) else { continue }
                if let status = try? Files.status(path, followLink: true), status.kind == .regular,
                    status.permissions & 0o111 != 0
                {
                    found = path
                    break
                }
            }
        }
        guard let found else {
            throw RegistryError(
                .denied, operation: "run the credential helper", object: program, cause: "it is not in PATH",
                remedy: "install it, or take it out of config.json")
        }
        path = found
    }

    /// What it has for a registry; anonymous where it has nothing.
    func get(_ key: String) throws(RegistryError) -> Credentials {
        let (status, output) = try run("get", Array(key.utf8))
        guard status == 0 else {
            // The words are the helpers' own; each of them means "none".
            if output.utf8.starts(with: "credentials not found".utf8) { return .anonymous }
            throw failure("get", output)
        }
        return try Self.parse(Array(output.utf8), name)
    }

    /// Its answer.
    package static func parse(_ bytes: [UInt8], _ name: String) throws(RegistryError) -> Credentials {
        guard let object = (try? JSONValue(parsing: bytes))?.objectValue,
            let user = object["Username"]?.stringValue, let secret = object["Secret"]?.stringValue
        else {
            throw RegistryError(
                .denied, operation: "read the answer of", object: "docker-credential-\(name)",
                cause: "it has no Username and Secret")
        }
        if user.isEmpty { return .anonymous }
        return user == "<token>" ? .identityToken(secret) : .password(user: user, secret: secret)
    }

    func store(_ credentials: Credentials, _ key: String) throws(RegistryError) {
        let (user, secret): (String, String)
        switch credentials {
        case .password(let name, let password): (user, secret) = (name, password)
        case .identityToken(let token): (user, secret) = ("<token>", token)
        default: return
        }
        let request: JSONValue = ["ServerURL": .string(key), "Username": .string(user), "Secret": .string(secret)]
        let (status, output) = try run("store", request.serialized())
        guard status == 0 else { throw failure("store", output) }
    }

    func erase(_ key: String) throws(RegistryError) {
        let (status, output) = try run("erase", Array(key.utf8))
        guard status == 0 || output.utf8.starts(with: "credentials not found".utf8) else {
            throw failure("erase", output)
        }
    }

    private func failure(_ verb: String, _ output: String) -> RegistryError {
        RegistryError(
            .denied, operation: "\(verb) credentials with", object: "docker-credential-\(name)",
            cause: output.isEmpty ? "it failed" : output)
    }

    private func run(_ verb: String, _ input: [UInt8]) throws(RegistryError) -> (status: Int32, output: String) {
        var variables = [String]()
        var place = environ
        while let entry = place.pointee {
            variables.append(String(cString: entry))
            place += 1
        }
        do throws(Errno) {
            let result = try ChildProcess.run(path, [verb], input: input, environment: variables, timeLimit: 30_000)
            var output = result.output
            if result.status != 0, output.isEmpty { output = result.errorOutput }
            while let last = output.last, last <= 0x20 { output.removeLast() }
            return (result.status, String(decoding: output, as: UTF8.self))
        } catch {
            throw failure(verb, error == .timedOut ? "it did not answer within 30 seconds" : "\(error)")
        }
    }
}
