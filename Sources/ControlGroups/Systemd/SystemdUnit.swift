/// A container's group as systemd names it: a scope in a slice, from `cgroupsPath` in the form `slice:prefix:name`.
public struct SystemdUnit: Sendable, Equatable {
    public let slice: String
    public let name: String

    /// Reads `slice:prefix:name`; an empty slice is `system.slice`, an empty path a scope of the container's id.
    public init(_ path: String, id: String) throws(ControlGroupError) {
        func refusal(_ cause: String) -> ControlGroupError {
            ControlGroupError(
                operation: "use the systemd group", object: "\"\(printable(path))\"", cause: cause,
                remedy: "use slice:prefix:name, such as system.slice:berth:\(printable(id))")
        }
        var parts = path.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if path.isEmpty { parts = ["", "berth", id] }
        guard parts.count == 3 else { throw refusal("it is not slice:prefix:name") }
        slice = parts[0].isEmpty ? "system.slice" : parts[0]
        guard slice.utf8.reversed().starts(with: ".slice".utf8.reversed()) else {
            throw refusal("\(slice) is no slice")
        }
        guard !parts[2].isEmpty else { throw refusal("it has no name") }
        // A slice among names is taken as it is; everything else is a scope.
        name = parts[1].isEmpty ? "\(parts[2]).scope" : "\(parts[1])-\(parts[2]).scope"
        for text in [slice, name] {
            guard text.utf8.count < 256, text.utf8.allSatisfy({ Self.isNameByte($0) }) else {
                throw refusal("a name may hold letters, digits and : - _ . \\ only")
            }
        }
        _ = try Self.expand(slice)
    }

    /// What systemd takes in a unit's name (systemd.unit(5)).
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: ":-_.\\@".utf8.contains(byte)
        }
    }

    /// The group's path: a slice lies in the slices that its name begins with, `a-b.slice` in `a.slice` (systemd.slice(5)).
    public var groupPath: String { ((try? Self.expand(slice)) ?? "/" + slice) + "/" + name }

    private static func expand(_ slice: String) throws(ControlGroupError) -> String {
        let base = String(decoding: slice.utf8.dropLast(6), as: UTF8.self)
        if base == "-" { return "" }
        var path = "", prefix = ""
        for part in base.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false) {
            guard !part.isEmpty else {
                throw ControlGroupError(
                    operation: "use the slice", object: printable(slice), cause: "its name has an empty part")
            }
            prefix += (prefix.isEmpty ? "" : "-") + String(decoding: part, as: UTF8.self)
            path += "/\(prefix).slice"
        }
        return path
    }
}
