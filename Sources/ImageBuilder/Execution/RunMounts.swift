import Archive
import Glibc
import LinuxKernel
import OCI

/// Finds the sources of a RUN's mounts on this machine.
struct RunMounts {
    let environment: BuildEnvironment
    let trees: SourceTrees
    /// A directory of the step's own.
    let scratch: String
    private var locks = [LockHolder]()
    private var count = 0

    private final class LockHolder {
        let lock: FileLock
        init(_ lock: consuming FileLock) { self.lock = lock }
    }

    init(environment: BuildEnvironment, trees: SourceTrees, scratch: String) {
        self.environment = environment
        self.trees = trees
        self.scratch = scratch
    }

    /// - Returns: the mounts, and variables that hold secrets.
    mutating func prepare(_ run: RunStep) throws(BuildError) -> (mounts: [StepMount], variables: [String]) {
        try converting("make", scratch) { () throws(Errno) in try Files.makeDirectories(scratch, mode: 0o711) }
        var mounts = [StepMount]()
        var variables = [String]()
        for mount in run.mounts {
            switch mount.mount.kind {
            case .bind: mounts.append(try bind(mount))
            case .cache: mounts.append(try cache(mount))
            case .tmpfs:
                mounts.append(
                    StepMount(
                        source: .memory(size: mount.mount.size), destination: mount.target,
                        isReadOnly: mount.mount.isReadOnly))
            case .secret: try secret(mount, &mounts, &variables)
            case .ssh: try socket(mount, &mounts, &variables)
            }
        }
        if let document = run.document {
            let directory = try newDirectory()
            try converting("write", quote(document.name)) { () throws(Errno) in
                let file = try Files.open(
                    "\(directory)/\(document.name)", [.writeOnly, .create, .exclusive, .noFollow], mode: 0o700)
                try file.writeAll(Array(document.content.utf8))
                try file.changeMode(0o755)
            }
            mounts.append(StepMount(source: .tree(path: directory), destination: "/dev/pipes", isReadOnly: true))
        }
        return (mounts, variables)
    }

    private mutating func newDirectory() throws(BuildError) -> String {
        count += 1
        let path = "\(scratch)/mount\(count)"
        try converting("make", path) { () throws(Errno) in
            try Files.makeDirectory(path, mode: 0o755)
            try Files.open(path, [.readOnly, .directory]).changeMode(0o755)
        }
        return path
    }

    /// A part of a tree. The step sees a copy: what it writes to one that is not read-only is thrown away.
    private mutating func bind(_ mount: MountStep) throws(BuildError) -> StepMount {
        guard let source = mount.source else { throw BuildError(cause: "a bind mount has no source") }
        let directory = try newDirectory()
        let tree = try trees.open(source)
        let selections = try tree.select(mount.mount.source ?? "/")
        guard selections.count == 1, let selection = selections.first else {
            throw BuildError(
                operation: "mount", object: quote(mount.mount.source ?? "/"),
                cause: "it names \(selections.count) files")
        }
        let root = try converting("open", directory) { () throws(Errno) in
            SharedDescriptor(try Files.open(directory, [.readOnly, .directory]))
        }
        let copier = TreeCopier(
            tree, to: TargetTree(root), owner: nil, mode: nil, excludes: IgnoreRules(), time: nil)
        try copier.copy(selection, to: [Array("tree".utf8)], intoDirectory: false)
        return StepMount(
            source: .tree(path: "\(directory)/tree"), destination: mount.target, isReadOnly: mount.mount.isReadOnly)
    }

    private mutating func cache(_ mount: MountStep) throws(BuildError) -> StepMount {
        let id = mount.mount.id ?? mount.target
        let name = Digest(of: Array(id.utf8)).hex
        switch mount.mount.sharing ?? .shared {
        case .shared: return try cache(mount, name)
        case .locked:
            try hold("\(environment.cache.path)/locks/mount-\(name)", waits: true)
            return try cache(mount, name)
        case .private:
            // The first that nobody has open.
            for number in 0..<1000 {
                let one = number == 0 ? name : "\(name)-\(number)"
                if try hold("\(environment.cache.path)/locks/mount-\(one)", waits: false) {
                    return try cache(mount, one)
                }
            }
            throw BuildError(
                operation: "mount", object: "the cache \(quote(id))", cause: "a thousand steps have it open")
        }
    }

    @discardableResult
    private mutating func hold(_ path: String, waits: Bool) throws(BuildError) -> Bool {
        do throws(Errno) {
            if waits {
                locks.append(LockHolder(try FileLock(path)))
                return true
            }
            guard let lock = try FileLock.attempt(path) else { return false }
            locks.append(LockHolder(lock))
            return true
        } catch {
            throw .system(error, "lock", path)
        }
    }

    private func cache(_ mount: MountStep, _ name: String) throws(BuildError) -> StepMount {
        let path = "\(environment.cache.path)/mounts/\(name)"
        if !Files.exists(path) {
            let place = "\(scratch)/cache-\(name)"
            try converting("make", path) { () throws(Errno) in
                try Files.makeDirectory(place, mode: 0o755)
            }
            let root = try converting("make", path) { () throws(Errno) in
                SharedDescriptor(try Files.open(place, [.readOnly, .directory]))
            }
            if let source = mount.source {
                let tree = try trees.open(source)
                let copier = TreeCopier(
                    tree, to: TargetTree(root), owner: nil, mode: nil, excludes: IgnoreRules(), time: nil)
                for selection in try tree.select(mount.mount.source ?? "/") {
                    try copier.copy(selection, to: [], intoDirectory: true)
                }
            }
            try converting("make", path) { () throws(Errno) in
                let handle = try Files.open(place, [.readOnly, .directory])
                try handle.changeOwner(uid: mount.mount.uid ?? 0, gid: mount.mount.gid ?? 0)
                try handle.changeMode(mount.mount.mode ?? 0o755)
                do throws(Errno) { try Files.rename(place, path, exclusive: true) } catch {
                    guard error == .fileExists || error == .directoryNotEmpty else { throw error }
                }
            }
        }
        return StepMount(source: .tree(path: path), destination: mount.target, isReadOnly: mount.mount.isReadOnly)
    }

    private func secret(
        _ mount: MountStep, _ mounts: inout [StepMount], _ variables: inout [String]
    ) throws(BuildError) {
        let id = mount.mount.id ?? mount.mount.source ?? StepPath.lastName(mount.target)
        guard let content = environment.secrets[id] else {
            guard mount.mount.isRequired else { return }
            throw BuildError(
                operation: "mount", object: "the secret \(quote(id))", cause: "it was not given",
                remedy: "pass --secret id=\(id),src=FILE")
        }
        if let variable = mount.mount.variable {
            guard !content.contains(0) else {
                throw BuildError(operation: "pass", object: "the secret \(quote(id))", cause: "it holds a zero byte")
            }
            variables.append("\(variable)=\(String(decoding: content, as: UTF8.self))")
        }
        guard !mount.target.isEmpty else { return }
        mounts.append(
            StepMount(
                source: .secret(
                    content: content, mode: mount.mount.mode ?? 0o400, uid: mount.mount.uid ?? 0,
                    gid: mount.mount.gid ?? 0),
                destination: mount.target, isReadOnly: true))
    }

    private func socket(
        _ mount: MountStep, _ mounts: inout [StepMount], _ variables: inout [String]
    ) throws(BuildError) {
        let id = mount.mount.id ?? "default"
        guard let path = environment.sockets[id] else {
            guard mount.mount.isRequired else { return }
            throw BuildError(
                operation: "mount", object: "the ssh agent \(quote(id))", cause: "it was not given",
                remedy: "pass --ssh \(id)")
        }
        mounts.append(StepMount(source: .host(path: path), destination: mount.target, isReadOnly: false))
        variables.append("SSH_AUTH_SOCK=\(mount.target)")
    }
}
