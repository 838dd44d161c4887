import Glibc
import LinuxKernel
import OCI

/// Puts the container's mount tree together, in its own mount namespace, before the old root is let go.
struct RootAssembly: ~Copyable {
    private let prepared: PreparedLaunch
    /// The new root's descriptor; everything below is reached from it, by `openat2` alone.
    private let root: Int32
    /// Mounts from the host's root, in the order of the plan's host-made steps.
    private var provided: [Int32]
    /// The devpts mount, by descriptor for the terminal; open until the program is executed.
    private var devpts: Int32 = -1
    /// File systems that become read-only once everything that belongs below them is mounted.
    private var readOnlyLater: [Int32] = []

    init(prepared: PreparedLaunch, root: Int32, provided: [Int32]) {
        self.prepared = prepared
        self.root = root
        self.provided = provided
    }

    /// Attaches the root and every mount in order.
    mutating func build() throws(RuntimeError) {
        let rootMount = DetachedMount(root: FileDescriptor(owning: root))
        // Over the old root: any place serves, it is gone after the pivot.
        do throws(Errno) { try rootMount.attach("/") } catch {
            _ = rootMount.intoRoot().release()
            throw RuntimeError("attach", "the root file system", error)
        }
        _ = rootMount.intoRoot().release()
        for step in prepared.mounts.steps { try make(step) }
        if prepared.bindsDevices { try bindDevices() }
    }

    /// Mounts the host's device nodes, reached by the host's own paths, which are still this process's.
    private func bindDevices() throws(RuntimeError) {
        let devices = prepared.request.configuration.linux.devices
        let directory = RootDirectory(descriptor: root)
        for path in DeviceDirectory.boundPaths(devices, plan: prepared.mounts) {
            try attempt("bind device", path) { () throws(Errno) in
                let node = try DetachedMount.clone(path, recursive: false)
                let kind = try node.root.status().kind
                guard kind == .characterDevice || kind == .blockDevice else { throw .notPermitted }
                let place = try directory.openMakingFile(path)
                try node.attach(to: place.rawValue)
            }
        }
    }

    /// Makes read-only what was asked to be and had to be written to until now.
    mutating func finishReadOnly() throws(RuntimeError) {
        defer { readOnlyLater = [] }
        for number in readOnlyLater {
            try attempt("make read-only", "a file system") { () throws(Errno) in
                try DetachedMount(root: FileDescriptor(owning: number)).setAttributes(set: .readOnly)
            }
        }
    }

    private mutating func make(_ step: MountPlan.Step) throws(RuntimeError) {
        let destination = step.mount.destination
        switch step.maker {
        case .bind, .devices:
            guard !provided.isEmpty else { throw RuntimeError("mount", destination, cause: "the host sent no mount for it") }
            let mount = DetachedMount(root: FileDescriptor(owning: provided.removeFirst()))
            try attach(mount, step)
            if step.maker == .devices, step.options.set.contains(.readOnly) { try makeReadOnlyLater(mount) }
        case .controlGroups: try ControlGroupView(prepared: prepared).mount(at: destination, root: root, options: step.options)
        case .fileSystem(let type):
            let mount = try fileSystem(type, step)
            if step.options.copiesUp { try copyUp(destination, to: mount) }
            try attach(mount, step)
            if type == "tmpfs", step.options.set.contains(.readOnly) { try makeReadOnlyLater(mount) }
            if type == "devpts" {
                devpts = try attempt("keep", "devpts") { () throws(Errno) in try mount.root.duplicated().release() }
            }
        }
    }

    private mutating func makeReadOnlyLater(_ mount: borrowing DetachedMount) throws(RuntimeError) {
        readOnlyLater.append(try attempt("keep", "a file system") { () throws(Errno) in try mount.root.duplicated().release() })
    }

    /// Copies what a new tmpfs is going to cover into it (`tmpcopyup`).
    private func copyUp(_ path: String, to mount: borrowing DetachedMount) throws(RuntimeError) {
        let target = mount.root.rawValue
        do throws(Errno) {
            let source = try RootDirectory(descriptor: root).open(path, [.readOnly, .directory])
            var copy = TreeCopy()
            try copy.copyContent(of: source.rawValue, to: target)
        } catch {
            // Nothing there, nothing to copy.
            if error == .noSuchFile { return }
            throw RuntimeError("copy up", path, error)
        }
    }

    private func fileSystem(_ type: String, _ step: MountPlan.Step) throws(RuntimeError) -> DetachedMount {
        let destination = step.mount.destination
        let context = try attempt("mount \(type) on", destination) { () throws(Errno) in try FileSystemContext(type) }
        do throws(Errno) {
            try context.set("source", step.mount.source ?? type)
            for (key, value) in step.options.data {
                if let value { try context.set(key, value) } else { try context.setFlag(key) }
            }
            if let option = MountLabel.option(
                prepared.request.configuration.linux.mountLabel, type: type, options: step.options.data)
            {
                try context.set(option.key, option.value)
            }
            // A tmpfs is filled first, by what is copied up or mounted below it.
            let mount = try context.mount(type == "tmpfs" ? step.options.set.subtracting(.readOnly) : step.options.set)
            if let propagation = step.options.propagation { try mount.setAttributes(propagation: propagation) }
            return mount
        } catch {
            let words = context.message()
            throw RuntimeError("mount \(type) on", destination, cause: words.isEmpty ? error.description : words)
        }
    }

    private func attach(_ mount: borrowing DetachedMount, _ step: MountPlan.Step) throws(RuntimeError) {
        let path = step.mount.destination
        let isDirectory = try attempt("look at", path) { () throws(Errno) in try mount.root.status().kind == .directory }
        let place = try openPlace(path, isDirectory: isDirectory)
        try attempt("mount", path) { () throws(Errno) in
            try mount.attach(to: place.rawValue)
            // A new file system has nothing below it: recursive attributes are its own too. A bind mount has its already.
            if case .fileSystem = step.maker, !step.options.recursiveSet.isEmpty || !step.options.recursiveClear.isEmpty {
                try mount.setAttributes(
                    set: step.options.recursiveSet, clear: step.options.recursiveClear, recursive: true)
            }
        }
    }

    private func openPlace(_ path: String, isDirectory: Bool) throws(RuntimeError) -> FileDescriptor {
        let directory = RootDirectory(descriptor: root)
        let normalized = MountPlan.normalized(path)
        if normalized == "/proc" || normalized == "/sys" || normalized == "/dev" {
            // The image must not decide where these lie (CVE-2019-19921, CVE-2026-41579).
            let status = try? Files.status(at: root, String(normalized.dropFirst()))
            if let status, status.kind != .directory {
                throw RuntimeError("mount", path, cause: "the image has something other than a directory there")
            }
        }
        return try attempt("make mount point", path) { () throws(Errno) in
            isDirectory ? try directory.openMakingDirectory(path) : try directory.openMakingFile(path)
        }
    }

    /// Writes `linux.sysctl`, each checked to be one that belongs to the container's own namespaces, through a procfs
    /// of our own: whatever is mounted over the container's `/proc` cannot redirect a write.
    func writeSysctls() throws(RuntimeError) {
        let sysctls = prepared.request.configuration.linux.sysctl
        guard !sysctls.isEmpty else { return }
        let proc = try attempt("mount", "a procfs for sysctls") { () throws(Errno) in
            try FileSystemContext("proc").mount().intoRoot()
        }
        for (name, value) in sysctls.sorted(by: { $0.key < $1.key }) {
            let path = try Sysctl.path(name, value: value, namespaces: prepared.namespaces.new)
            try attempt("set sysctl", "\(name) to \(value)") { () throws(Errno) in
                let file = try Files.open(
                    at: proc.rawValue, path, .writeOnly, resolve: [.beneath, .noSymbolicLinks, .noMountCrossing])
                try file.writeOnce(Array(value.utf8))
            }
        }
    }

    /// Makes the terminal; its slave end becomes the standard streams and `/dev/console`.
    func openTerminal() throws(RuntimeError) -> PseudoTerminal {
        guard devpts >= 0 else {
            throw RuntimeError("open", "terminal", cause: "the configuration mounts no devpts")
        }
        let terminal = try attempt("open", "terminal") { () throws(Errno) in
            try PseudoTerminal(at: devpts, ptmx: "ptmx")
        }
        let console = try attempt("mount", "/dev/console") { () throws(Errno) in
            try DetachedMount.clone(at: terminal.slave.rawValue, "", recursive: false)
        }
        let directory = RootDirectory(descriptor: root)
        let place = try attempt("make", "/dev/console") { () throws(Errno) in try directory.openMakingFile("/dev/console") }
        try attempt("mount", "/dev/console") { () throws(Errno) in try console.attach(to: place.rawValue) }
        return terminal
    }

    /// Hides masked paths and makes others read-only.
    func protectPaths() throws(RuntimeError) {
        let linux = prepared.request.configuration.linux
        let directory = RootDirectory(descriptor: root)
        // One empty read-only tmpfs serves every masked directory.
        var emptyDirectory: Int32 = -1
        defer { if emptyDirectory >= 0 { close(emptyDirectory) } }
        for path in linux.readonlyPaths {
            guard let place = try existing(path, directory) else { continue }
            try attempt("make read-only", path) { () throws(Errno) in
                let clone = try DetachedMount.clone(at: place.rawValue, "", recursive: true)
                try clone.setAttributes(set: .readOnly, recursive: true)
                try clone.attach(to: place.rawValue)
            }
        }
        for path in linux.maskedPaths {
            guard let place = try existing(path, directory) else { continue }
            try attempt("mask", path) { () throws(Errno) in
                if try place.status().kind == .directory {
                    if emptyDirectory < 0 {
                        let context = try FileSystemContext("tmpfs")
                        try context.set("mode", "755")
                        let mount = try context.mount([.readOnly, .noSetID, .noDevices, .noExecute])
                        try mount.attach(to: place.rawValue)
                        emptyDirectory = mount.intoRoot().release()
                    } else {
                        try DetachedMount.clone(at: emptyDirectory, "", recursive: false).attach(to: place.rawValue)
                    }
                } else {
                    // The host's own node, by its path before the pivot: an image's /dev/null is not asked (CVE-2025-31133).
                    // Read-only, which lets bytes through to a device but no change of its owner, mode or times: it is the
                    // whole machine's.
                    let null = try DetachedMount.clone("/dev/null", recursive: false)
                    try null.setAttributes(set: [.readOnly, .noSetID, .noExecute], propagation: .private)
                    try null.attach(to: place.rawValue)
                }
            }
        }
    }

    private func existing(_ path: String, _ directory: borrowing RootDirectory) throws(RuntimeError) -> FileDescriptor? {
        do throws(Errno) { return try directory.open(path, .pathOnly) } catch {
            if error == .noSuchFile || error == .notDirectory { return nil }
            throw RuntimeError("open", path, error)
        }
    }
}
