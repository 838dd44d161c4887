import ControlGroups
import Explain
import LinuxKernel
import Netlink

/// An explanation as a tree for people.
struct ExplanationTree {
    private let found: Explanation

    init(_ explanation: Explanation) { found = explanation }

    var node: TreeNode {
        let identity = found.process.identity
        let title: String
        if let identity {
            title =
                found.name.map { "\(identity.engine) container \($0) (\(identity.shortID))" } ?? identity.description
        } else {
            title = "process \(found.process.pid), which is in no container's control group"
        }
        var parts = [process, namespaces, users, groups]
        if let root { parts.append(root) }
        parts += [mounts, network, security]
        if !found.differences.isEmpty { parts.insert(differences, at: 0) }
        return TreeNode(title, .heading, parts)
    }

    // MARK: What it is

    private var differences: TreeNode {
        TreeNode(
            "not as it was asked for", .warning,
            found.differences.map { TreeNode("\($0.what): asked \($0.asked), found \($0.found)", .warning) })
    }

    private var process: TreeNode {
        let part = found.process
        var lines: [TreeNode] = []
        if !part.arguments.isEmpty {
            let text = part.arguments.joined(separator: " ")
            lines.append(TreeNode("command  \(text.utf8.count > 200 ? String(text.prefix(200)) + "…" : text)"))
        }
        if let executable = part.executable { lines.append(TreeNode("program  \(executable)")) }
        if part.numbers.count > 1 {
            lines.append(
                TreeNode("number   \(part.numbers.map { "\($0)" }.joined(separator: " on the host is ")) inside"))
        }
        if let user = part.user, let group = part.group {
            lines.append(TreeNode("user     \(user), group \(group) on the host"))
        }
        let state =
            ["S": "sleeping", "R": "running", "D": "waiting for a device", "T": "stopped", "t": "traced", "I": "idle"][
                part.state] ?? part.state
        let memory = part.residentBytes.map { ", \(Amount.bytes($0)) of memory" } ?? ""
        lines.append(TreeNode("state    \(state), \(Amount.counted(part.threads, "thread"))\(memory)"))
        return TreeNode("process \(part.pid) (\(part.name))", .heading, lines)
    }

    private var namespaces: TreeNode {
        TreeNode(
            "namespaces", .heading,
            found.namespaces.map { part in
                let title = part.kind + String(repeating: " ", count: max(1, 8 - part.kind.utf8.count))
                guard let inode = part.inode else { return TreeNode(title + "may not be known", .quiet) }
                if part.isHost { return TreeNode("\(title)\(inode)  the host's", .warning) }
                let own = Amount.counted(UInt64(part.ownProcesses), "process", "processes")
                let others = part.others.map { $0.processes > 1 ? "\($0.name) (\($0.processes))" : $0.name }
                return TreeNode(
                    "\(title)\(inode)  \(others.isEmpty ? "its own" : "shared with " + others.joined(separator: ", ")); \(own)"
                )
            })
    }

    private var users: TreeNode {
        if found.users.isIdentity {
            return TreeNode("users: every id inside is the same id on the host; root inside is root", .warning)
        }
        func lines(_ word: String, _ ranges: [UserPart.Range]) -> [TreeNode] {
            if ranges.isEmpty { return [TreeNode("\(word)  none is mapped", .warning)] }
            return ranges.map { range in
                func span(_ first: UInt64) -> String {
                    range.count > 1 ? "\(first)–\(first &+ range.count &- 1)" : "\(first)"
                }
                return TreeNode("\(word)  \(span(range.inside)) inside is \(span(range.outside)) on the host")
            }
        }
        let isRoot = found.users.root == 0
        return TreeNode(
            isRoot ? "users: root inside is root on the host" : "users", isRoot ? .warning : .heading,
            lines("users ", found.users.users) + lines("groups", found.users.groups))
    }

    private var security: TreeNode {
        let part = found.security
        func list(_ set: UInt64) -> String {
            let names = part.names(set, known: CapabilitySet.names)
            return names.isEmpty ? "none" : names.map { String($0.dropFirst(4)).lowercased() }.joined(separator: " ")
        }
        var lines = [
            TreeNode("capabilities kept     \(list(part.effective))", part.effective == part.every ? .warning : .plain)
        ]
        if part.bounding & ~part.effective & part.every != 0 {
            lines.append(TreeNode("a program may gain    \(list(part.bounding & ~part.effective & part.every))"))
        }
        if part.ambient != 0 { lines.append(TreeNode("ambient               \(list(part.ambient))")) }
        if part.inheritable != 0 { lines.append(TreeNode("inheritable           \(list(part.inheritable))", .warning)) }
        lines.append(TreeNode("capabilities dropped  \(list(part.dropped))", part.dropped == 0 ? .warning : .plain))
        let filters = part.seccomp == 2 ? part.seccompFilters.map { ", \(Amount.counted($0, "filter"))" } ?? "" : ""
        lines.append(
            TreeNode("seccomp               \(part.seccompMode)\(filters)", part.seccomp == 0 ? .warning : .plain))
        if let isSet = part.noNewPrivileges {
            lines.append(TreeNode("no new privileges     \(isSet ? "yes" : "no")"))
        }
        lines.append(
            TreeNode(part.label.map { "\(part.module ?? "label"): \($0)" } ?? "no security module's label", .plain))
        return TreeNode("rights", .heading, lines)
    }

    // MARK: Limits

    private var groups: TreeNode {
        var lines = found.groups.filter { !$0.isRoot }.map { group($0) }
        let roots = found.groups.filter(\.isRoot)
        if !roots.isEmpty {
            lines.append(
                TreeNode("in the root, without limits: \(roots.map(\.hierarchy).joined(separator: ", "))", .quiet))
            lines += roots.filter { !$0.reason.isEmpty }.map { TreeNode("\($0.hierarchy): \($0.reason)", .quiet) }
        }
        return TreeNode("control groups", .heading, lines)
    }

    private func group(_ part: GroupPart) -> TreeNode {
        var lines = part.limits.map { limit($0) } + part.above.map { limit($0) }
        for entry in part.pressure {
            let full = entry.pressure.full.total
            lines.append(
                TreeNode(
                    "pressure of \(entry.resource): \(entry.pressure.some.average10) % of the last 10 s some waited, \(entry.pressure.full.average10) % all; \(Amount.time(entry.pressure.some.total)) and \(Amount.time(full)) in all",
                    entry.pressure.some.average10 >= 10 ? .warning : .quiet))
        }
        lines += part.notes.map { TreeNode($0, .warning) }
        if !part.reason.isEmpty { lines.append(TreeNode(part.reason, .quiet)) }
        return TreeNode("\(part.hierarchy)  \(part.directory ?? part.path)", .plain, lines)
    }

    private func limit(_ limit: GroupLimit) -> TreeNode {
        var text = "\(limit.name): "
        func amount(_ number: UInt64) -> String {
            switch limit.unit {
            case .bytes: Amount.bytes(number)
            case .microseconds: Amount.time(number)
            case .nanoseconds: Amount.time(number / 1000)
            case .count, .text: "\(number)"
            }
        }
        if limit.unit == .text {
            let lines = limit.text.utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            text +=
                limit.text.isEmpty
                ? "not set" : lines.count > 3 ? "\(lines.count) rules" : lines.joined(separator: "; ")
        } else if limit.unit == .microseconds {
            let words = limit.text.utf8.split(separator: 32).compactMap { Double(Substring($0)) }
            let processors = words.count == 2 && words[1] > 0 ? words[0] / words[1] : 0
            text += limit.limit == nil ? "no limit" : "\((processors * 1000).rounded() / 1000) processors"
            if let use = limit.use { text += ", \(amount(use)) used" }
        } else {
            let use = limit.use.map { amount($0) + " used" }
            let bound = limit.limit.map { "of \(amount($0))" } ?? "no limit"
            text += [use, bound].compactMap { $0 }.joined(separator: limit.limit == nil ? ", " : " ")
            if let share = limit.share { text += " (\(share / 10) %)" }
            if let peak = limit.peak, peak > limit.use ?? 0 { text += ", at most \(amount(peak))" }
        }
        if let reached = limit.reached, reached > 0 {
            text += limit.unit == .microseconds ? ", throttled \(reached) times" : ", met \(reached) times"
        }
        if let group = limit.group { text += "  for all of \(group)" }
        return TreeNode(text, limit.share.map { $0 >= 900 } == true ? .warning : .plain)
    }

    // MARK: Files

    private var root: TreeNode? {
        guard let part = found.root else { return nil }
        var lines: [TreeNode] = []
        func line(_ word: String, _ layer: RootPart.Layer) -> TreeNode {
            let size = layer.bytes.map {
                "\(layer.isCutShort ? "more than " : "")\(Amount.bytes(UInt64(max(0, $0)))), \(Amount.counted(UInt64(layer.entries), "entry", "entries"))"
            }
            let source = layer.isFromRecord ? " (the kernel holds it open without a name: this one is recorded)" : ""
            let shared = layer.sharedWith.isEmpty ? "" : "; shared with \(layer.sharedWith.joined(separator: ", "))"
            return TreeNode(
                "\(word)  \(layer.path ?? "a directory without a name")\(source)  \(size ?? "cannot be read")\(shared)")
        }
        if let upper = part.upper { lines.append(line("written", upper)) }
        lines += part.layers.map { line("layer  ", $0) }
        let words = [part.isReadOnly ? "read-only" : "writable"] + (part.isVolatile ? ["lost in a crash"] : [])
        let title =
            part.type == "overlay"
            ? "overlay of \(Amount.counted(UInt64(part.layers.count), "layer"))" : "\(part.type) of \(part.source)"
        return TreeNode("root file system: \(title), \(words.joined(separator: ", "))", .heading, lines)
    }

    private var mounts: TreeNode {
        TreeNode(
            "mounts", .heading,
            found.mounts.filter { $0.mountPoint != "/" || found.root == nil }.map { mount in
                let source = mount.root == "/" ? mount.source : "\(mount.root) of \(mount.source)"
                let flags = mount.options.filter { ["ro", "rw", "nosuid", "nodev", "noexec"].contains($0) }
                let propagation = mount.propagation.isEmpty ? "" : "  \(mount.propagation.joined(separator: " "))"
                return TreeNode(
                    "\(mount.mountPoint)  \(mount.type)  \(source)  \(flags.joined(separator: ","))\(propagation)")
            })
    }

    // MARK: Network

    private var network: TreeNode {
        let part = found.network
        if part.isHost { return TreeNode("network: the host's own", .warning) }
        var lines: [TreeNode] = part.ways.map { way in
            let host = way.hostAddress.isAny ? "every address of the host" : way.hostAddress.description
            var steps = [TreeNode(way.by)]
            if let interface = part.interface(with: way.address) {
                if let bridge = interface.bridge { steps.append(TreeNode("bridge \(bridge)")) }
                if let end = interface.hostEnd { steps.append(TreeNode("\(interface.kind ?? "link") \(end)")) }
                steps.append(TreeNode("\(interface.name) inside, \(way.address), port \(way.port)"))
            }
            if let listener = part.listener(of: way) {
                let who =
                    listener.process.map { "\($0), process \(listener.pid ?? 0)" } ?? "a process of another namespace"
                steps.append(TreeNode("a socket waits there: \(who)"))
            } else if way.proto == "tcp" || way.proto == "udp" {
                steps.append(TreeNode("nobody waits there", .warning))
            }
            return TreeNode("\(way.proto) port \(way.hostPort) of \(host)", .plain, steps)
        }
        for interface in part.interfaces {
            let addresses = interface.addresses.map(\.description).joined(separator: " ")
            let way = [interface.hostEnd, interface.bridge].compactMap { $0 }.joined(separator: " in bridge ")
            lines.append(
                TreeNode(
                    "\(interface.name)  \(addresses.isEmpty ? "no address" : addresses)\(interface.isUp ? "" : "  down")\(way.isEmpty ? "" : "  is \(way)")"
                ))
        }
        let published = part.ways.compactMap { part.listener(of: $0)?.socket.inode }
        for listener in part.listeners where !published.contains(listener.socket.inode) {
            let who = listener.process.map { "\($0), process \(listener.pid ?? 0)" } ?? "a process outside"
            lines.append(
                TreeNode("\(listener.socket.proto) port \(listener.socket.port) on \(listener.socket.address)  \(who)"))
        }
        lines += part.gaps.map { TreeNode("not read: \($0)", .warning) }
        if lines.isEmpty { lines.append(TreeNode("nothing", .quiet)) }
        return TreeNode("network", .heading, lines)
    }
}

/// Amounts as people write them.
enum Amount {
    static func bytes(_ number: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var value = Double(number)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? "\(UInt64(rounded)) \(units[unit])" : "\(rounded) \(units[unit])"
    }

    /// Microseconds.
    static func time(_ microseconds: UInt64) -> String {
        let milliseconds = Double(microseconds) / 1000
        if milliseconds < 1000 { return "\((milliseconds * 10).rounded() / 10) ms" }
        return "\((milliseconds / 100).rounded() / 10) s"
    }

    static func counted(_ number: UInt64, _ one: String, _ many: String? = nil) -> String {
        "\(number) \(number == 1 ? one : many ?? one + "s")"
    }
}
