import LinuxKernel

/// A request the kernel refused, or could not be asked.
public struct NetlinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was to be done: "add the address".
    public var operation: String
    /// To what: "172.24.0.1/20".
    public var object: String
    /// The kernel's error number.
    public var cause: Errno
    /// The kernel's own sentence, where it gives one (`NETLINK_EXT_ACK`), else empty.
    public var kernelText: String
    /// What a person can do, or empty.
    public var remedy: String

    /// An error with these parts.
    public init(operation: String, object: String, cause: Errno, kernelText: String = "", remedy: String? = nil) {
        self.operation = operation
        self.object = object
        self.cause = cause
        self.kernelText = kernelText
        self.remedy =
            remedy
            ?? (cause == .notPermitted ? "this needs root or CAP_NET_ADMIN in the network namespace" : "")
    }

    public var description: String {
        var text = "cannot \(operation)\(object.isEmpty ? "" : " \(object)"): \(cause)"
        if !kernelText.isEmpty { text += " (the kernel says: \(kernelText))" }
        if !remedy.isEmpty { text += "; \(remedy)" }
        return text
    }
}
