import LinuxKernel

/// Tells a poll loop that the kernel killed something in a group because of its memory limit.
public struct OutOfMemoryWatch: ~Copyable, Sendable {
    private let counter: EventCounter?
    private let file: FileDescriptor
    /// The number to poll.
    public let descriptorNumber: Int32
    /// What to poll for: `POLLIN` (1) of an eventfd on version 1; `POLLPRI` (2) of `memory.events` on version 2, where
    /// an inotify watch would count against a user's few instances.
    public let pollEvents: UInt32

    fileprivate init(counter: consuming EventCounter, file: consuming FileDescriptor) {
        descriptorNumber = counter.descriptor.rawValue
        pollEvents = 1
        self.counter = consume counter
        self.file = file
    }

    fileprivate init(events file: consuming FileDescriptor) {
        descriptorNumber = file.rawValue
        pollEvents = 2
        counter = nil
        self.file = file
    }

    /// Acknowledges an event; call ``ControlGroup/outOfMemoryKills()`` for what happened. Version 1 also signals the
    /// removal of the group.
    public func acknowledge() throws(Errno) {
        if counter != nil {
            _ = try counter?.take()
        } else {
            // A kernfs file stays ready until it is read again from its start.
            try file.rewind()
            _ = try file.readAll(limit: 64 << 10)
        }
    }
}

extension ControlGroup {
    /// A watch for out-of-memory events; nil when the group has no memory controller.
    public func watchOutOfMemory() throws(ControlGroupError) -> OutOfMemoryWatch? {
        guard let hierarchy = home(of: "memory") else { return nil }
        do throws(Errno) {
            let directory = try hierarchy.open(path)
            if hierarchy.isUnified {
                let file = try Files.open(at: directory.rawValue, "memory.events", .readOnly)
                // Polling starts from what was last read.
                _ = try file.readAll(limit: 64 << 10)
                return OutOfMemoryWatch(events: file)
            }
            let file = try Files.open(at: directory.rawValue, "memory.oom_control", .readOnly)
            let counter = try EventCounter()
            // cgroup-v1/memory, section 9: "<event_fd> <fd of the control file>".
            try ControlFile.write(directory, "cgroup.event_control", "\(counter.descriptor.rawValue) \(file.rawValue)")
            return OutOfMemoryWatch(counter: counter, file: file)
        } catch {
            if error == .noSuchFile { return nil }
            throw failure("watch the memory of", error)
        }
    }

    /// How many processes of the group and below it the kernel has killed because memory ran out; 0 when it does not say
    /// (version 1 before Linux 4.13) or has no memory controller.
    public func outOfMemoryKills() throws(ControlGroupError) -> UInt64 {
        guard let hierarchy = home(of: "memory") else { return 0 }
        do throws(Errno) {
            if hierarchy.isUnified {
                return KeyedValues(parsing: try ControlFile.read(try hierarchy.open(path), "memory.events"))["oom_kill"]
                    ?? 0
            }
            // Version 1 counts each group apart.
            var count: UInt64 = 0
            GroupTree.visit(try hierarchy.open(path, .readOnly)) { directory in
                guard let text = try? ControlFile.read(directory, "memory.oom_control") else { return }
                count += KeyedValues(parsing: text)["oom_kill"] ?? 0
            }
            return count
        } catch {
            if error == .noSuchFile { return 0 }
            throw failure("read the memory events of", error)
        }
    }
}
