import CommandLine

/// Checks and flags that several commands share.
enum CommonFlags {
    static let checkName: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard ContainerNameText.isValid(value) else {
            throw ValueError("only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to 255 of them")
        }
    }

    static let checkHostName: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        if value.isEmpty { return }
        // What sethostname(2) takes, and what a hosts file can hold.
        guard value.utf8.count <= 64,
            value.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 35 && $0 != 47 && $0 != 58 }),
            value.utf8.first != 45
        else { throw ValueError("it is not a host name of at most 64 letters, digits, dots and dashes") }
    }

    static let checkWorkingDirectory: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard value.isEmpty || ByteText.begins(value, with: "/") else {
            throw ValueError(
                "the working directory \(quoted(value, mark: "'")) is invalid, it needs to be an absolute path")
        }
        guard !value.utf8.contains(0) else { throw ValueError("it holds a zero byte") }
    }

    /// -1 waits for ever.
    static let checkTimeout: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        guard (-1...1_000_000_000).contains(try NumberValue.integer(value)) else {
            throw ValueError("it is not a number of seconds, or -1 to wait for ever")
        }
    }

    static let checkNetwork: @Sendable (String) throws(ValueError) -> Void = { value throws(ValueError) in
        _ = try NetworkValues.attachment(value)
    }

    /// `--platform` values that say what this machine is.
    static let ownPlatforms: [String] = {
        #if arch(x86_64)
        ["", "linux", "linux/amd64", "amd64"]
        #else
        ["", "linux", "linux/arm64", "linux/arm64/v8", "arm64"]
        #endif
    }()
}
