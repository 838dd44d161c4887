/// `--chmod`: an octal number, or chmod(1)'s symbolic form (`u=rwX,go=rX`, `a+x`, `g-w`).
struct ModeChange: Equatable, Sendable {
    private struct Clause: Equatable, Sendable {
        /// Which of user (4), group (2) and others (1).
        var who: UInt32
        var operation: UInt8
        /// rwx, and X.
        var permissions: UInt32
        var executesConditionally: Bool
        var setsIDs: Bool
        var sticky: Bool
        /// Permissions of user, group or others are copied.
        var copies: UInt8?
    }

    private let absolute: UInt32?
    private let clauses: [Clause]

    init(_ text: String) throws(PatternError) {
        let bytes = Array(text.utf8)
        if let first = bytes.first, ByteClass.isDigit(first) {
            guard let value = UInt32(text, radix: 8), value <= 0o7777, bytes.allSatisfy(ByteClass.isDigit) else {
                throw PatternError("it is no octal number from 0 to 7777")
            }
            absolute = value
            clauses = []
            return
        }
        absolute = nil
        guard !bytes.isEmpty else { throw PatternError("it is empty") }
        var clauses = [Clause]()
        for part in bytes.split(separator: 44, omittingEmptySubsequences: false) { try Self.read(part, &clauses) }
        self.clauses = clauses
    }

    private static func read(_ part: ArraySlice<UInt8>, _ clauses: inout [Clause]) throws(PatternError) {
        var who: UInt32 = 0
        var rest = part
        let classes: [UInt8: UInt32] = [117: 4, 103: 2, 111: 1, 97: 7]
        while let byte = rest.first, let one = classes[byte] {
            who |= one
            rest = rest.dropFirst()
        }
        if who == 0 { who = 7 }
        guard !rest.isEmpty else { throw PatternError("a part of it has no +, - or =") }
        while let operation = rest.first {
            guard operation == 43 || operation == 45 || operation == 61 else {
                throw PatternError("a part of it has no +, - or =")
            }
            rest = rest.dropFirst()
            var clause = Clause(
                who: who, operation: operation, permissions: 0, executesConditionally: false, setsIDs: false,
                sticky: false)
            while let byte = rest.first, ![43, 45, 61].contains(byte) {
                switch byte {
                case UInt8(ascii: "r"): clause.permissions |= 4
                case UInt8(ascii: "w"): clause.permissions |= 2
                case UInt8(ascii: "x"): clause.permissions |= 1
                case UInt8(ascii: "X"): clause.executesConditionally = true
                case UInt8(ascii: "s"): clause.setsIDs = true
                case UInt8(ascii: "t"): clause.sticky = true
                case UInt8(ascii: "u"), UInt8(ascii: "g"), UInt8(ascii: "o"): clause.copies = byte
                default: throw PatternError("it holds a permission that is none of r, w, x, X, s, t, u, g, o")
                }
                rest = rest.dropFirst()
            }
            clauses.append(clause)
        }
    }

    /// The permission bits of a file that has `mode` now.
    func applied(to mode: UInt32, isDirectory: Bool) -> UInt32 {
        if let absolute { return absolute }
        var mode = mode & 0o7777
        for clause in clauses {
            var permissions = clause.permissions
            if clause.executesConditionally, isDirectory || mode & 0o111 != 0 { permissions |= 1 }
            switch clause.copies {
            case UInt8(ascii: "u"): permissions |= mode >> 6 & 7
            case UInt8(ascii: "g"): permissions |= mode >> 3 & 7
            case UInt8(ascii: "o"): permissions |= mode & 7
            default: break
            }
            var bits: UInt32 = 0, all: UInt32 = 0
            for (flag, shift) in [(UInt32(4), UInt32(6)), (2, 3), (1, 0)] where clause.who & flag != 0 {
                bits |= permissions << shift
                all |= 7 << shift
            }
            if clause.setsIDs {
                if clause.who & 4 != 0 { bits |= 0o4000 }
                if clause.who & 2 != 0 { bits |= 0o2000 }
            }
            if clause.sticky { bits |= 0o1000 }
            switch clause.operation {
            case 43: mode |= bits
            case 45: mode &= ~bits
            default:
                if clause.who & 4 != 0 { all |= 0o4000 }
                if clause.who & 2 != 0 { all |= 0o2000 }
                mode = mode & ~all | bits
            }
        }
        return mode
    }
}
