import OCI

/// Arguments that need no ARG or have a value without one (Dockerfile reference, "Predefined ARGs", "Automatic platform
/// ARGs in the global scope", "BuildKit built-in build args").
enum PredefinedArguments {
    /// Given to every RUN, yet no part of a key, a history or the image.
    static let proxies: Set = [
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy",
        "ALL_PROXY", "all_proxy",
    ]

    /// Steer the build itself.
    static let builder: Set = [
        "BUILDKIT_BUILD_NAME", "BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_CONTEXT_KEEP_GIT_DIR", "BUILDKIT_DOCKERFILE_CHECK",
        "BUILDKIT_INLINE_CACHE", "BUILDKIT_MULTI_PLATFORM", "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_SYNTAX",
        "SOURCE_DATE_EPOCH",
    ]

    /// What the global scope begins with.
    static func platform(build: Platform, target: Platform, stage: String) -> [(String, String)] {
        [
            ("BUILDPLATFORM", build.description), ("BUILDOS", build.os), ("BUILDOSVERSION", build.osVersion ?? ""),
            ("BUILDARCH", build.architecture), ("BUILDVARIANT", build.variant ?? ""),
            ("TARGETPLATFORM", target.description), ("TARGETOS", target.os),
            ("TARGETOSVERSION", target.osVersion ?? ""), ("TARGETARCH", target.architecture),
            ("TARGETVARIANT", target.variant ?? ""), ("TARGETSTAGE", stage),
        ]
    }
}

/// Variables in the order in which they were set, as a program's environment has them.
struct VariableList: Equatable {
    private(set) var names = [String]()
    private(set) var values = [String: String]()

    subscript(name: String) -> String? { values[name] }

    mutating func set(_ name: String, _ value: String) {
        if values.updateValue(value, forKey: name) == nil { names.append(name) }
    }

    /// `NAME=VALUE` each.
    var entries: [String] { names.map { "\($0)=\(values[$0] ?? "")" } }

    static func split(_ entry: String) -> (name: String, value: String) {
        let bytes = entry.utf8
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return (entry, "") }
        return (
            String(decoding: bytes[..<equals], as: UTF8.self),
            String(decoding: bytes[bytes.index(after: equals)...], as: UTF8.self)
        )
    }
}
