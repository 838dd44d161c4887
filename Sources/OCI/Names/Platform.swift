import JSON

/// What a program of an image runs on: operating system, processor, and the processor's variant (image-spec
/// `image-index.md`, "platform"), in Go's words (`linux`, `amd64`, `arm64`, `arm` with `v7`).
public struct Platform: Hashable, Sendable, CustomStringConvertible {
    /// `linux`.
    public var os: String
    /// `amd64`, `arm64`…
    public var architecture: String
    /// `v7` and the like; nil where the architecture has none or the usual one.
    public var variant: String?
    /// Version of the operating system (Windows images).
    public var osVersion: String?
    /// Features of the operating system that are needed (Windows images).
    public var osFeatures: [String]

    /// A platform in normal form: `x86_64` becomes `amd64`, `arm64/v8` becomes `arm64`.
    public init(
        os: String, architecture: String, variant: String? = nil, osVersion: String? = nil, osFeatures: [String] = []
    ) {
        self.os = os.lowercased()
        (self.architecture, self.variant) = Self.normal(architecture.lowercased(), variant?.lowercased())
        self.osVersion = osVersion
        self.osFeatures = osFeatures
    }

    /// The machine this program was compiled for.
    public static let host: Platform = {
        #if arch(x86_64)
        Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
        Platform(os: "linux", architecture: "arm64")
        #else
        Platform(os: "linux", architecture: "unknown")
        #endif
    }()

    /// Reads `linux/arm64`, `linux/arm/v7`, or an architecture or operating system alone, as `--platform` takes them.
    ///
    /// - Throws: ``OCIError`` on an empty part, more than three parts, or a character that cannot stand there.
    public init(parsing text: String) throws(OCIError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let allowed = { (byte: UInt8) in
            ReferenceGrammar.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "-")
        }
        let isWord = { (part: String) in
            part.utf8.first.map(ReferenceGrammar.isAlphanumeric) == true && part.utf8.allSatisfy(allowed)
        }
        guard parts.count <= 3, parts.allSatisfy(isWord) else {
            throw OCIError(
                operation: "read the platform", object: "\"\(text)\"",
                cause: "the form is OS/ARCHITECTURE[/VARIANT], such as linux/amd64")
        }
        switch parts.count {
        case 1:
            let word = parts[0].lowercased()
            if ["linux", "windows", "darwin", "freebsd"].contains(word) {
                self.init(os: word, architecture: Self.host.architecture)
            } else {
                self.init(os: Self.host.os, architecture: word)
            }
        case 2: self.init(os: parts[0], architecture: parts[1])
        default: self.init(os: parts[0], architecture: parts[1], variant: parts[2])
        }
    }

    /// `linux/arm/v7`.
    public var description: String { "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

    /// Whether an image for `self` is what somebody who wants `wanted` asks for.
    public func satisfies(_ wanted: Platform) -> Bool {
        os == wanted.os && architecture == wanted.architecture && (wanted.variant == nil || variant == wanted.variant)
    }

    private static func normal(_ architecture: String, _ variant: String?) -> (String, String?) {
        let variant = variant == "" ? nil : variant
        switch architecture {
        case "x86_64", "x86-64", "amd64": return ("amd64", variant == "v1" ? nil : variant)
        case "i386", "i686", "386": return ("386", nil)
        case "aarch64", "arm64": return ("arm64", variant == "v8" || variant == "8" ? nil : variant)
        case "armhf": return ("arm", "v7")
        case "armel": return ("arm", "v6")
        case "arm":
            switch variant {
            case nil, "7": return ("arm", "v7")
            case "5", "6", "8": return ("arm", variant.map { "v\($0)" })
            default: return ("arm", variant)
            }
        default: return (architecture, variant)
        }
    }
}

extension Platform {
    init(json: JSONObject) throws(JSONError) {
        self.init(
            os: try json.required("os", try json.string("os")),
            architecture: try json.required("architecture", try json.string("architecture")),
            variant: try json.string("variant"), osVersion: try json.string("os.version"),
            osFeatures: try json.strings("os.features") ?? [])
    }

    var json: JSONValue {
        var object = JSONObject([("architecture", .string(architecture)), ("os", .string(os))])
        if let osVersion { object["os.version"] = .string(osVersion) }
        if !osFeatures.isEmpty { object["os.features"] = JSONValue(osFeatures) }
        if let variant { object["variant"] = .string(variant) }
        return .object(object)
    }
}
