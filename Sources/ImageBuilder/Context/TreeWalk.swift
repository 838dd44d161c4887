import Glibc
import LinuxKernel

/// Something met on a walk.
struct WalkedEntry {
    /// Below what was selected; empty for that itself.
    let relative: [[UInt8]]
    /// Its name in `directory`.
    let name: PathBytes
    let status: FileStatus
    /// Descriptor of the directory it is in.
    let directory: Int32
    /// Where it is below the tree's root, for messages.
    let path: [[UInt8]]
}

/// Walks what COPY selected, in the order of names, leaving out what the tree's rules and `--exclude` leave out. A
/// directory that is left out but has something taken back in comes right before the first of that.
struct TreeWalk {
    let tree: SourceTree
    let excludes: IgnoreRules
    private let visit: (WalkedEntry) throws(BuildError) -> Void
    private var pending = [WalkedEntry]()
    private var kept = [SharedDescriptor]()

    init(_ tree: SourceTree, excludes: IgnoreRules, visit: @escaping (WalkedEntry) throws(BuildError) -> Void) {
        self.tree = tree
        self.excludes = excludes
        self.visit = visit
    }

    /// Visits a selection and all that is in it.
    mutating func run(_ selection: SourceTree.Selection) throws(BuildError) {
        let path = selection.path
        var rules = IgnoreRules.Inherited()
        var isExcluded = false
        if !path.isEmpty {
            for count in 1...path.count {
                (isExcluded, rules) = tree.rules.excludes(Array(path[..<count].joined(separator: [47])), in: rules)
            }
        }
        if selection.status.kind != .directory, excludes.excludes(selection.name) { return }
        let parent = try converting("read", SourceTree.text(path)) { () throws(Errno) in
            SharedDescriptor(try tree.open(Array(path.dropLast()), [.pathOnly, .directory]))
        }
        let entry = WalkedEntry(
            relative: [], name: path.last.map { PathBytes($0) } ?? ".", status: selection.status,
            directory: parent.number,
            path: path)
        try meet(entry, isExcluded: isExcluded)
        guard selection.status.kind == .directory else { return }
        let directory = try converting("read", SourceTree.text(path)) { () throws(Errno) in
            SharedDescriptor(try tree.open(path, [.readOnly, .directory]))
        }
        try descend(directory, [], path, rules, IgnoreRules.Inherited())
        if pending.last?.relative == [] { pending.removeLast() }
    }

    private mutating func meet(_ entry: WalkedEntry, isExcluded: Bool) throws(BuildError) {
        if isExcluded {
            pending.append(entry)
            return
        }
        for waiting in pending { try visit(waiting) }
        pending = []
        try visit(entry)
    }

    private mutating func descend(
        _ directory: SharedDescriptor, _ relative: [[UInt8]], _ path: [[UInt8]], _ rules: IgnoreRules.Inherited,
        _ exclusions: IgnoreRules.Inherited
    ) throws(BuildError) {
        guard relative.count < 1000 else {
            throw BuildError(
                operation: "copy", object: quote(SourceTree.text(path)), cause: "directories are nested too deep")
        }
        let number = directory.number
        let entries = try converting("read", SourceTree.text(path)) { () throws(Errno) in
            try Files.open(at: number, ".", [.readOnly, .directory]).directoryEntries()
        }
        for name in entries.map(\.name).sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            let below = relative + [name.bytes], whole = path + [name.bytes]
            var (isExcluded, inherited) = (false, rules)
            if !tree.rules.isEmpty {
                (isExcluded, inherited) = tree.rules.excludes(Array(whole.joined(separator: [47])), in: rules)
            }
            var excluded = exclusions
            var mayInclude = tree.rules.mayInclude(below: inherited)
            if !excludes.isEmpty {
                let (leavesOut, next) = excludes.excludes(Array(below.joined(separator: [47])), in: exclusions)
                excluded = next
                if leavesOut {
                    isExcluded = true
                    mayInclude = excludes.mayInclude(below: next)
                }
            }
            if isExcluded, !mayInclude { continue }
            let status = try converting("read", SourceTree.text(whole)) { () throws(Errno) in
                try Files.status(at: number, name)
            }
            if isExcluded, status.kind != .directory { continue }
            try meet(
                WalkedEntry(relative: below, name: name, status: status, directory: number, path: whole),
                isExcluded: isExcluded)
            guard status.kind == .directory else { continue }
            let child = try converting("read", SourceTree.text(whole)) { () throws(Errno) in
                SharedDescriptor(try Files.open(at: number, name, [.readOnly, .directory, .noFollow]))
            }
            // Descriptors of waiting directories must outlive their entries.
            kept.append(child)
            try descend(child, below, whole, inherited, excluded)
            kept.removeLast()
            if let last = pending.last, last.relative == below { pending.removeLast() }
        }
    }
}
