import JSON
import LinuxKernel

/// The conversation between the launching process and the container's first process before it executes the program:
/// a pair of sequenced-packet sockets, one message a step. The end of the stream means that the program runs.
enum SyncMessage {
    /// Parent: id maps are written, go on as root of the new namespaces.
    static let mapped = UInt8(ascii: "M")
    /// Parent: JSON and the descriptors of everything only the host's root can make.
    static let resources = UInt8(ascii: "R")
    /// Parent: execute the program.
    static let go = UInt8(ascii: "G")
    /// Child: JSON of a ``RuntimeError``.
    static let failed = UInt8(ascii: "E")
    /// The child's stub: the name of the program that could not be executed, and one byte with the error's number.
    static let notExecuted = UInt8(ascii: "X")
    static let failures: Set<UInt8> = [failed, notExecuted]
    /// Child: the terminal's master end.
    static let terminal = UInt8(ascii: "T")
    /// Child: the mounts are in place and the groups joined; the host may run its hooks and set what it sets late.
    static let mounted = UInt8(ascii: "H")
    /// Parent: that is done.
    static let served = UInt8(ascii: "h")
    /// Child: everything is set up, only ``go`` is missing.
    static let prepared = UInt8(ascii: "P")
}

extension RuntimeError {
    /// The error as the payload of a ``SyncMessage/failed`` message.
    var message: [UInt8] {
        let json: JSONValue = [
            "kind": .string(kind.rawValue), "operation": .string(operation), "object": .string(object),
            "cause": .string(cause), "remedy": remedy.map { .string($0) } ?? .null,
        ]
        return [SyncMessage.failed] + json.serialized()
    }

    /// Reads one of ``SyncMessage/failures``.
    init(failure message: [UInt8]) {
        if message.first == SyncMessage.notExecuted, let number = message.last {
            let name = String(decoding: message.dropFirst().dropLast(), as: UTF8.self)
            self = Program.failure(name, Errno(rawValue: Int32(number)))
            return
        }
        let json = try? JSONValue(parsing: Array(message.dropFirst()))
        self.init(
            json?["operation"]?.stringValue ?? "start", json?["object"]?.stringValue ?? "container",
            cause: json?["cause"]?.stringValue ?? "the first process failed without saying why",
            remedy: json?["remedy"]?.stringValue,
            kind: json?["kind"]?.stringValue.flatMap(Kind.init(rawValue:)) ?? .failure)
    }
}
