import LinuxKernel

extension ControlGroup {
    /// The processes in the group and in groups below it, each once, as this process's pid namespace numbers them;
    /// those it cannot see are left out.
    public func processes() throws(ControlGroupError) -> [Int32] {
        guard let hierarchy = listing else { return [] }
        do throws(Errno) {
            let root = try hierarchy.openRoot()
            var found: [Int32] = []
            GroupTree.visit(try hierarchy.open(path, in: root, .readOnly)) { directory in
                guard let text = try? ControlFile.read(directory, "cgroup.procs") else { return }
                for line in text.split(separator: "\n") { if let pid = Int32(line) { found.append(pid) } }
            }
            var seen: Set<Int32> = []
            return found.filter { $0 > 0 && seen.insert($0).inserted }
        } catch {
            if error == .noSuchFile { return [] }
            throw failure("list the processes of", error)
        }
    }

    /// The hierarchy whose list of processes is the group's: one that all of them joined.
    private var listing: Hierarchy? { unified ?? home(of: "freezer") ?? home(of: "pids") ?? hierarchies.first }

    /// Whether any process is in the group or below it.
    public func isPopulated() throws(ControlGroupError) -> Bool {
        if let unified {
            do throws(Errno) {
                let events = KeyedValues(parsing: try ControlFile.read(try unified.open(path), "cgroup.events"))
                if let populated = events["populated"] { return populated != 0 }
            } catch {
                if error == .noSuchFile { return false }
                throw failure("read the state of", error)
            }
        }
        return !(try processes().isEmpty)
    }

    // MARK: Freezing

    /// Stops every process of the group where it is, and waits until all are stopped.
    ///
    /// - Throws: ``ControlGroupError`` when they are not within `timeout` microseconds (a process in an uninterruptible
    ///   wait); the group is then thawed again.
    public func freeze(timeoutMicroseconds timeout: Int = 2_000_000) throws(ControlGroupError) {
        let end = ShortWait.now + timeout
        if let unified {
            try freeze(unified, until: end)
        } else {
            try freezeVersion1(until: end)
        }
        if try isFrozen() { return }
        try? setFrozen(false)
        throw ControlGroupError(
            operation: "freeze", object: path.description,
            cause: "some of its processes did not stop within \(timeout / 1000) ms",
            remedy: "they may wait for a disk or a network file system; try again")
    }

    /// The kernel announces in `cgroup.events` that all have stopped.
    private func freeze(_ unified: Hierarchy, until end: Int) throws(ControlGroupError) {
        do throws(Errno) {
            let events = try GroupEvents(unified, path)
            try ControlFile.write(try unified.open(path), "cgroup.freeze", "1")
            while try events.read()["frozen"] != 1 {
                let left = end - ShortWait.now
                if left <= 0 { return }
                try events.wait(microseconds: left)
            }
        } catch { throw failure("freeze", error) }
    }

    /// Version 1 announces nothing: whether all have stopped is only found out by reading `freezer.state`, which is also
    /// what takes the group from FREEZING to FROZEN (freezer-subsystem). Stopping takes microseconds, so the first look
    /// is mostly the last; the pauses of the others are short and bounded.
    private func freezeVersion1(until end: Int) throws(ControlGroupError) {
        var pause = 20
        while true {
            // Said again each time: it can stick half-way when tasks are forked meanwhile.
            try setFrozen(true)
            if try isFrozen() || ShortWait.now >= end { return }
            ShortWait.sleep(microseconds: pause)
            pause = min(pause * 2, 10_000)
        }
    }

    /// Lets the processes go on.
    public func thaw() throws(ControlGroupError) { try setFrozen(false) }

    /// Whether all processes are stopped.
    public func isFrozen() throws(ControlGroupError) -> Bool {
        do throws(Errno) {
            if let unified {
                let events = KeyedValues(parsing: try ControlFile.read(try unified.open(path), "cgroup.events"))
                return events["frozen"] == 1
            }
            guard let freezer = home(of: "freezer") else { return false }
            return try ControlFile.read(try freezer.open(path), "freezer.state") == "FROZEN"
        } catch {
            throw failure("read the state of", error)
        }
    }

    private func setFrozen(_ frozen: Bool) throws(ControlGroupError) {
        do throws(Errno) {
            if let unified {
                try ControlFile.write(try unified.open(path), "cgroup.freeze", frozen ? "1" : "0")
            } else if let freezer = home(of: "freezer") {
                try ControlFile.write(try freezer.open(path), "freezer.state", frozen ? "FROZEN" : "THAWED")
            } else {
                throw Errno.notSupported
            }
        } catch {
            throw failure(frozen ? "freeze" : "thaw", error)
        }
    }

    // MARK: Killing

    /// Kills every process of the group and below it with SIGKILL, forks in flight included, and does not wait for their
    /// end: ``remove(emptyParents:)`` does. A group that is gone is fine.
    public func kill() throws(ControlGroupError) {
        do throws(Errno) {
            if let unified {
                do throws(Errno) {
                    // Linux 5.14; frozen processes die too.
                    try ControlFile.write(try unified.open(path), "cgroup.kill", "1")
                    return
                } catch {
                    // A threaded group has no kill of its own.
                    guard error == .noSuchFile || error == .notSupported else { throw error }
                    if !Files.exists(unified.mountPoint + path.description) { return }
                }
            }
        } catch {
            throw failure("kill the processes of", error)
        }
        try killOneByOne()
    }

    /// Frozen processes cannot fork, nor end and leave their number to another: so every listed one is the right one. The
    /// ends are awaited by pidfd.
    private func killOneByOne() throws(ControlGroupError) {
        let end = ShortWait.now + 2_000_000
        while true {
            let canFreeze = (try? freeze(timeoutMicroseconds: 200_000)) != nil
            var members = try processes()
            var held = HeldProcesses(members)
            if !canFreeze, !members.isEmpty {
                // Who is still listed now that it is held by descriptor is the one that was meant.
                let still = Set(try processes())
                if !still.isSuperset(of: members) {
                    members = members.filter { still.contains($0) }
                    held = held.filtered { still.contains($0) }
                }
            }
            held.kill()
            if canFreeze { try? thaw() }
            if members.isEmpty, try processes().isEmpty { return }
            guard ShortWait.now < end else { break }
            // One that has ended may still be listed for a moment: the kernel takes it off the group a little later.
            if !held.awaitEnd(until: end) { ShortWait.sleep(microseconds: 100) }
        }
        throw ControlGroupError(
            operation: "kill the processes of", object: path.description, cause: "some are still there after 2 s",
            remedy: "they may wait for a disk or a network file system; try again")
    }
}
