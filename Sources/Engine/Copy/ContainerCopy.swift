import Archive
import ContainerRuntime
import Glibc
import LinuxKernel

/// What `cp` was asked for.
public struct CopyRequest: Sendable {
    /// A container, or nil for the host.
    public var container: String
    /// A path in the container.
    public var inside: String
    /// A path on the host; `-` is a tar archive on a standard stream.
    public var outside: String
    /// Whether the container is the destination.
    public var isInto: Bool
    /// Owners are kept (`-a`).
    public var keepsOwners = false
    /// A link as the source stands for what it leads to (`-L`).
    public var followsLink = false

    /// A copy.
    public init(container: String, inside: String, outside: String, isInto: Bool) {
        self.container = container
        self.inside = inside
        self.outside = outside
        self.isInto = isInto
    }
}

extension Engine {
    /// `cp`. A process of its own stands in the container's user namespace and at its root, walks by descriptor only and
    /// exchanges a tar with this one: what the container does to its links meanwhile leads nowhere else.
    public func copy(_ request: CopyRequest) throws {
        let (record, state, directory) = try inspectStarted(request.container)
        if request.isInto, record.readOnlyRoot, state.status != .running {
            throw EngineError("container rootfs is marked read-only")
        }
        var lock: SharedLock?
        if state.status != .running {
            // Nobody is to start it while its files are open here.
            lock = try SharedLock(directory, record.name)
        }
        defer { withExtendedLifetime(lock) {} }
        let data = try Pipe(), words = try Pipe()
        let side = ContainerSide(
            engine: self, record: record, state: state, directory: directory, request: request,
            data: request.isInto ? data.read : data.write, words: words.write)
        let child = try ProcessClone.run {
            close(request.isInto ? data.write : data.read)
            close(words.read)
            return side.run()
        }
        close(request.isInto ? data.read : data.write)
        close(words.write)
        var failure: (any Error)?
        do {
            let end = FileDescriptor(owning: request.isInto ? data.write : data.read)
            if request.isInto { try send(request, end) } else { try receive(request, end) }
        } catch { failure = error }
        let said = FileDescriptor(owning: words.read)
        let text = (try? said.readAll(limit: 64 << 10)) ?? []
        let status = try child.wait()
        // What the other side says is the cause of a broken pipe on this one.
        if status.code != 0 {
            throw EngineError(
                text.isEmpty ? "the copying process ended with \(status.code)" : String(decoding: text, as: UTF8.self))
        }
        if let failure { throw failure }
    }

    private func send(_ request: CopyRequest, _ end: consuming FileDescriptor) throws {
        Signals.ignore(SIGPIPE)
        guard request.outside == "-" else {
            return try TreePacking.pack(
                CopyPlace(root: nil, path: request.outside), followsLink: request.followsLink, to: FileSink(end))
        }
        let sink = FileSink(end)
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(0, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            // Whatever follows the archive's end is nobody's.
            do throws(ArchiveError) { try sink.write(Array(buffer[..<count])) } catch { return }
        }
    }

    private func receive(_ request: CopyRequest, _ end: consuming FileDescriptor) throws {
        guard request.outside == "-" else {
            let inside = CopyPlace(root: nil, path: request.inside)
            return try TreeUnpacking.unpack(
                FileSource(end), to: CopyPlace(root: nil, path: request.outside), onlyContent: inside.onlyContent,
                keepsOwners: request.keepsOwners)
        }
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = try buffer.withUnsafeMutableBytes { bytes throws(Errno) in try end.read(into: bytes) }
            if count == 0 { return }
            var rest = buffer[..<count]
            while !rest.isEmpty {
                let done = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
                if done < 0, errno == EINTR { continue }
                if done < 0 { throw EngineError("write the archive to", "standard output", Errno(rawValue: errno)) }
                rest = rest.dropFirst(done)
            }
        }
    }
}

/// The ends of a pipe, closed by their users.
private struct Pipe {
    let read: Int32
    let write: Int32

    init() throws(EngineError) {
        var numbers: [Int32] = [-1, -1]
        guard pipe2(&numbers, O_CLOEXEC) == 0 else { throw EngineError("make", "pipe", Errno(rawValue: errno)) }
        (read, write) = (numbers[0], numbers[1])
    }
}

/// A container's lock as an optional object.
private final class SharedLock {
    private let lock: FileLock

    init(_ directory: ContainerDirectory, _ name: String) throws(EngineError) {
        guard let lock = try directory.lock() else {
            throw EngineError("container \(name) is being changed by another command")
        }
        self.lock = lock
    }
}

/// The process in the container's user namespace.
private struct ContainerSide {
    let engine: Engine
    let record: ContainerRecord
    let state: ContainerState
    let directory: ContainerDirectory
    let request: CopyRequest
    /// The tar.
    let data: Int32
    /// Why it failed.
    let words: Int32

    func run() -> Int32 {
        do {
            try? ProcessControl.setParentDeathSignal(SIGKILL)
            Signals.ignore(SIGPIPE)
            let root = try enter()
            defer { withExtendedLifetime(root) {} }
            let place = CopyPlace(root: root.number, path: request.inside)
            if request.isInto {
                let input = InputBuffer(FileSource(FileDescriptor(owning: data)))
                try TreeUnpacking.unpack(
                    try input.decompressed(), to: place,
                    onlyContent: CopyPlace(root: nil, path: request.outside).onlyContent,
                    keepsOwners: request.keepsOwners || request.outside == "-", isArchive: request.outside == "-")
            } else {
                try TreePacking.pack(
                    place, followsLink: request.followsLink, to: FileSink(FileDescriptor(owning: data)))
            }
            return 0
        } catch {
            let text = Array("\(error)".utf8.prefix(4096))
            _ = text.withUnsafeBytes { Glibc.write(words, $0.baseAddress, $0.count) }
            return 1
        }
    }

    private func enter() throws -> SharedDescriptor {
        if state.status == .running {
            let process = try engine.openProcess(record, state)
            let root = SharedDescriptor(try Files.open("/proc/\(state.pid)/root", [.pathOnly, .directory]))
            // Checked again: the number must have been this process's while its root was opened.
            _ = try engine.openProcess(record, state)
            if record.idRange != nil, !record.security.usesHostUsers {
                ProcessControl.forbidInspection()
                try ProcessControl.join(.user, of: process.rawValue)
                try ProcessControl.becomeNamespaceRoot()
            }
            return root
        }
        let place = directory.path + "/tree"
        try? Files.makeDirectory(place, mode: 0o700)
        let overlay = OverlayRoot(
            layers: record.layers.map { OverlayRoot.Layer(path: $0.path, idBase: $0.idBase) },
            upperDirectory: directory.upperDirectory, workDirectory: directory.workDirectory, volatile: false)
        let path = RecordBuilder.clean("/" + request.inside)
        for mount in record.mounts where mount.kind != .volume {
            guard PathText.names(path).starts(with: PathText.names(mount.destination)) else { continue }
            throw EngineError(
                "\(path) lies in a \(mount.kind.rawValue) mount of a container that does not run"
                    + (mount.kind == .bind ? ": copy from or to \(mount.source) on the host" : ""))
        }
        let range = record.idRange.map { IDMapping(inside: 0, outside: $0.base, size: $0.size) }
        let (root, users) = try ContainerTree.mount(
            overlay, range: range,
            volumes: record.mounts.filter { $0.kind == .volume }
                .sorted { PathText.names($0.destination).count < PathText.names($1.destination).count }
                .filter { PathText.names(path).starts(with: PathText.names($0.destination)) }
                .map { .init(source: $0.source, destination: $0.destination) },
            at: place)
        if let users {
            ProcessControl.forbidInspection()
            try ProcessControl.join(.user, of: users.number)
            try ProcessControl.becomeNamespaceRoot()
        }
        return root
    }
}
