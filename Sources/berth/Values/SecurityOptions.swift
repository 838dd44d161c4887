import CommandLine

/// What `--security-opt` asks for.
struct SecurityOptions: Sendable, Equatable {
    enum Seccomp: Sendable, Equatable {
        case standard
        case unconfined
        /// A file with a profile, read later.
        case file(String)
    }

    var noNewPrivileges = false
    var seccomp = Seccomp.standard

    /// Takes one option in: `no-new-privileges[=BOOL]`, `seccomp=unconfined|builtin|FILE`; what switches off modules that
    /// Berth does not use anyway (`apparmor=unconfined`, `label=disable`) is accepted.
    mutating func add(_ text: String) throws(ValueError) {
        if text == "no-new-privileges" {
            noNewPrivileges = true
            return
        }
        let bytes = text.utf8
        guard let separator = bytes.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }) else {
            throw ValueError("Invalid --security-opt: \(quoted(text))")
        }
        let key = String(decoding: bytes[..<separator], as: UTF8.self)
        let value = String(decoding: bytes[bytes.index(after: separator)...], as: UTF8.self)
        switch (key, value) {
        case ("no-new-privileges", _): noNewPrivileges = try NumberValue.boolean(value)
        case ("seccomp", "unconfined"): seccomp = .unconfined
        case ("seccomp", "builtin"), ("seccomp", "default"): seccomp = .standard
        case ("seccomp", _) where !value.isEmpty: seccomp = .file(value)
        case ("apparmor", "unconfined"), ("label", "disable"): break
        case ("apparmor", _), ("label", _), ("systempaths", _), ("credentialspec", _), ("writable-cgroups", _):
            throw ValueError("\(printable(text)) is not supported yet")
        default: throw ValueError("Invalid --security-opt: \(quoted(text))")
        }
    }
}

/// `--sysctl KEY=VALUE`.
enum KernelSetting {
    /// The key and the value, when the key belongs to a namespace of the container and the value is one plain line: other
    /// keys are the whole machine's, and a line more in the value would be another setting (CVE-2022-0811).
    static func parse(_ text: String) throws(ValueError) -> (key: String, value: String) {
        let parts = ByteText.fields(text, by: "=", limit: 2)
        let key = parts[0]
        guard parts.count == 2, isNamespaced(key) else {
            throw ValueError("sysctl \(quoted(text, mark: "'")) is not allowed")
        }
        let value = parts[1]
        guard value.utf8.allSatisfy({ ($0 >= 32 && $0 < 127 && $0 != 43) || $0 == 9 }) else {
            throw ValueError("the value of sysctl \(quoted(key, mark: "'")) holds a character that is not allowed")
        }
        return (key, value)
    }

    private static func isNamespaced(_ key: String) -> Bool {
        let words = ByteText.fields(key, by: ".")
        // "/" stands for a dot inside a word (an interface's name), and would make the key a path.
        let plain = words.allSatisfy { word in
            !word.isEmpty
                && word.utf8.allSatisfy {
                    (48...57).contains($0) || (97...122).contains($0) || (65...90).contains($0) || $0 == 95 || $0 == 45
                }
        }
        guard plain, words.count >= 2 else { return false }
        if words[0] == "net" { return words.count >= 3 }
        if words[0] == "fs", words[1] == "mqueue" { return words.count == 3 }
        return ipc.contains(key)
    }

    private static let ipc: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ]
}
