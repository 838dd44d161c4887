import LinuxKernel

/// A group's place below the root of every cgroup mount, checked: no component can lead outside it.
///
/// `..` is refused rather than resolved: an OCI `cgroupsPath` of `/../../../tmp/x` is an attack or a mistake.
public struct GroupPath: Sendable, Hashable, CustomStringConvertible {
    /// The components from the root, at least one.
    public let components: [String]

    /// Checks a path as a person or an OCI configuration gives it; a leading slash is optional.
    public init(_ text: String) throws(ControlGroupError) {
        func refusal(_ cause: String) -> ControlGroupError {
            let shown = String(text.prefix(200)).unicodeScalars.map {
                $0.value < 32 || $0.value == 127 ? "?" : String($0)
            }
            return ControlGroupError(
                operation: "use the control group path", object: "\"\(shown.joined())\"", cause: cause,
                remedy: "use a path such as /berth/name")
        }
        guard text.utf8.count <= 3000 else { throw refusal("it is longer than 3000 bytes") }
        var parts: [String] = []
        // By bytes: to Swift's characters a "/" that an accent follows is not a slash, to the kernel it is.
        for bytes in text.utf8.split(separator: UInt8(ascii: "/")) {
            let part = String(decoding: bytes, as: UTF8.self)
            if part == "." { continue }
            if part == ".." { throw refusal("it holds \"..\"") }
            guard part.utf8.count <= 255 else { throw refusal("a component is longer than 255 bytes") }
            // The kernel itself refuses a newline, because /proc/PID/cgroup is one line a group.
            guard part.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else { throw refusal("it holds a control character") }
            parts.append(part)
        }
        guard !parts.isEmpty else { throw refusal("it is the root group, whose limits are the whole machine's") }
        components = parts
    }

    private init(components: [String]) { self.components = components }

    /// The path without a leading slash, for calls relative to a mount's root.
    public var relative: String { PathText.joined(components) }
    /// The path with a leading slash, as `/proc/PID/cgroup` shows it.
    public var description: String { "/" + relative }
    /// The group above; nil directly below the root.
    public var parent: GroupPath? {
        components.count > 1 ? GroupPath(components: Array(components.dropLast())) : nil
    }
    /// All groups from the top to this one.
    var chain: [GroupPath] { (1...components.count).map { GroupPath(components: Array(components.prefix($0))) } }
}
