/// A user as `/etc/passwd` of an image describes it (`passwd(5)`).
public struct UserEntry: Equatable, Sendable {
    public let name: String
    public let uid: UInt32
    public let gid: UInt32
    public let home: String
}

/// A group of `/etc/group` (`group(5)`).
public struct GroupEntry: Equatable, Sendable {
    public let name: String
    public let gid: UInt32
    public let members: [String]
}

/// Who a process is to run as.
public struct ResolvedUser: Equatable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    /// Further groups, without `gid`.
    public var additionalGroups: [UInt32]
    /// Home directory, `/` where nothing says.
    public var home: String
    /// Login name where the database has one.
    public var name: String?

    /// A user whose parts are known.
    public init(uid: UInt32, gid: UInt32, additionalGroups: [UInt32], home: String, name: String?) {
        self.uid = uid
        self.gid = gid
        self.additionalGroups = additionalGroups
        self.home = home
        self.name = name
    }
}

/// Why a user cannot be resolved, as one clause.
public struct UserError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
}

/// The user and group files of an image, parsed by us: the C library's look-up would load the host's modules.
public struct UserDatabase: Sendable {
    public let users: [UserEntry]
    public let groups: [GroupEntry]

    /// Parses the two files. Lines that are malformed, or whose ids are not plain decimal numbers below 2^32 - 1,
    /// are skipped, as the C library does.
    public init(passwd: [UInt8], group: [UInt8]) {
        users = Self.lines(passwd).compactMap { fields in
            guard fields.count >= 6, !fields[0].isEmpty, let uid = Self.id(fields[2]), let gid = Self.id(fields[3]) else {
                return nil
            }
            return UserEntry(name: fields[0], uid: uid, gid: gid, home: fields[5])
        }
        groups = Self.lines(group).compactMap { fields in
            guard fields.count >= 3, !fields[0].isEmpty, let gid = Self.id(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return GroupEntry(name: fields[0], gid: gid, members: members)
        }
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: 10).compactMap { line in
            guard line.first != UInt8(ascii: "#"), !line.contains(0) else { return nil }
            return line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// A plain decimal id: digits only, no sign, no space, no hexadecimal; (uid_t)-1 is nobody's.
    public static func id(_ text: String) -> UInt32? {
        guard !text.isEmpty, text.utf8.count <= 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt32(text), number != .max
        else { return nil }
        return number
    }

    /// Whether a text is meant as a number: then it is never looked up as a name (an image's line `1000:x:0:0`
    /// must not turn `--user 1000` into root).
    private static func looksNumeric(_ text: String) -> Bool {
        guard let first = text.utf8.first else { return true }
        return (0x30...0x39).contains(first) || first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
            || first == UInt8(ascii: " ")
    }

    /// Resolves Docker's `USER[:GROUP]`, each a name or a number. An empty text is root.
    public func resolve(_ specification: String) throws(UserError) -> ResolvedUser {
        let parts = specification.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) || specification.isEmpty else {
            throw UserError(description: "user \(quoted(specification)) is not of the form USER or USER:GROUP")
        }
        let userText = specification.isEmpty ? "0" : parts[0]
        var result: ResolvedUser
        if let uid = Self.id(userText) {
            let entry = users.first { $0.uid == uid }
            result = ResolvedUser(
                uid: uid, gid: entry?.gid ?? 0, additionalGroups: [], home: entry?.home ?? "/", name: entry?.name)
        } else if Self.looksNumeric(userText) {
            throw UserError(description: "user \(quoted(userText)) is not a number from 0 to 4294967294")
        } else if let entry = users.first(where: { $0.name == userText }) {
            result = ResolvedUser(uid: entry.uid, gid: entry.gid, additionalGroups: [], home: entry.home, name: entry.name)
        } else {
            throw UserError(description: "unable to find user \(userText): no matching entries in passwd file")
        }
        if result.home.isEmpty { result.home = "/" }
        if parts.count == 2 {
            // An explicit group replaces the user's own, and then the user's further groups do not count.
            result.gid = try resolveGroup(parts[1])
        } else if let name = result.name {
            let own = result.gid
            result.additionalGroups = groups.filter { $0.members.contains(name) && $0.gid != own }.map(\.gid)
        }
        return result
    }

    /// Resolves one group, by name or number.
    public func resolveGroup(_ text: String) throws(UserError) -> UInt32 {
        if let gid = Self.id(text) { return gid }
        if Self.looksNumeric(text) {
            throw UserError(description: "group \(quoted(text)) is not a number from 0 to 4294967294")
        }
        guard let entry = groups.first(where: { $0.name == text }) else {
            throw UserError(description: "unable to find group \(text): no matching entries in group file")
        }
        return entry.gid
    }

    private func quoted(_ text: String) -> String { "\"\(text)\"" }
}
