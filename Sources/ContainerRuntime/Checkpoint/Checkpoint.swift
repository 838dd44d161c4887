import ControlGroups
import LinuxKernel
import OCI

extension RuntimeContainers {
    /// `checkpoint`: has CRIU save a container's processes; unless it is to go on, the container then has stopped.
    public func checkpoint(_ id: String, _ options: CheckpointOptions) throws {
        let program = try Criu.find(options.program)
        let directory = try directory(id)
        let lock = try directory.lock()
        defer { withExtendedLifetime(lock) {} }
        let state = try directory.readState()
        let current = status(state, directory)
        guard current == .running || current == .paused else {
            throw RuntimeError("checkpoint", "container \(id)", cause: "it is \(current.rawValue), not running")
        }
        let images = try Self.absolute(options.imagePath)
        try attempt("make", images) { () throws(Errno) in try Files.makeDirectories(images, mode: 0o700) }
        let mounts = Self.outerMounts(try directory.configuration()).map(\.destination)
        let arguments = try options.dumpArguments(images: images, pid: state.pid, root: state.rootfs, mounts: mounts)
        try Criu.run(program, arguments, log: "\(options.workPath ?? images)/dump.log", for: "checkpoint", id)
    }

    /// `restore`: makes a container whose processes CRIU brings back from its images.
    ///
    /// - Returns: the first process's exit status; 0 when detached.
    public func restore(_ id: String, _ creation: CreateOptions, _ options: CheckpointOptions) throws -> Int32 {
        let program = try Criu.find(options.program)
        let bundle = try Bundle(path: creation.bundle, configurationPath: creation.configurationPath)
        guard let root = bundle.rootPath else {
            throw RuntimeError("read", "\(bundle.path)/config.json", cause: "root is missing")
        }
        if creation.consoleSocket != nil || bundle.configuration.process?.terminal == true {
            throw RuntimeError("restore", "container \(id)", cause: "a container with a terminal cannot be restored")
        }
        let images = try Self.absolute(options.imagePath)
        guard Files.exists("\(images)/inventory.img") else {
            throw RuntimeError("restore", "container \(id)", cause: "\(images) holds no checkpoint")
        }
        var making = try Creation(directory(id), bundle, groups)
        do {
            let pidFile = "\(making.directory.path)/restored.pid"
            let arguments = options.restoreArguments(
                images: images, root: root, pidFile: pidFile, mounts: Self.outerMounts(bundle.configuration))
            if !creation.detached, creation.isSubreaper { ProcessControl.becomeSubreaper() }
            try making.prepareRestore()
            try Criu.run(program, arguments, log: "\(options.workPath ?? images)/restore.log", for: "restore", id)
            let text = try Files.readLine(pidFile)
            guard let pid = Int32(text) else {
                throw RuntimeError("restore", "container \(id)", cause: "criu named no process")
            }
            try making.adopt(pid, creation)
            making.unlock()
            if creation.detached { return 0 }
            let process = try ProcessClone.open(pid: pid)
            let status = try ForegroundProcess(pid: pid, pidfd: process.rawValue, terminal: nil, sendsInput: true).run()
            if !creation.keeps { try delete(id, force: true) }
            return status.code
        } catch {
            making.undo()
            throw error
        }
    }

    private static func absolute(_ path: String) throws(RuntimeError) -> String {
        if PathText.isAbsolute(path) { return path }
        let here = try attempt("look at", "the working directory") { () throws(Errno) in
            try Files.readLink("/proc/self/cwd")
        }
        return "\(here)/\(path)"
    }

    /// Binds of files that are not the container's.
    private static func outerMounts(
        _ configuration: RuntimeConfiguration
    ) -> [(destination: String, source: String)] {
        configuration.mounts.compactMap { mount in
            let isBind = mount.type == "bind" || mount.options.contains("bind") || mount.options.contains("rbind")
            guard isBind, let source = mount.source else { return nil }
            return (mount.destination, source)
        }
    }
}
