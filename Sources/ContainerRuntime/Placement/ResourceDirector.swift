import LinuxKernel
import OCI

/// `linux.intelRdt`: a class of service of the kernel's resctrl file system (config-linux.md, "IntelRdt").
struct ResourceDirector: Sendable {
    /// What is to be done below resctrl's mount point, in order: decided without looking at the machine.
    enum Step: Equatable, Sendable {
        /// The directory must be there already: somebody prepared the class.
        case requireDirectory(String)
        /// Make the directory; where it is there, its `schemata` must hold these lines already.
        case makeDirectory(String, schemata: [String])
        /// Make a monitoring directory.
        case makeMonitor(String)
        /// Put the process into a directory.
        case join(String)
    }

    let steps: [Step]
    /// The directories that the container's end takes with it: made for it alone, by its own id.
    let ownDirectories: [String]

    init(_ configuration: RuntimeIntelRdt, id: String) throws(RuntimeError) {
        func invalid(_ cause: String) -> RuntimeError { RuntimeError("read", "linux.intelRdt", cause: cause) }
        let name = configuration.closID ?? id
        // A name of one directory, which resctrl itself does not use.
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")),
            name.utf8.allSatisfy({ $0 > 32 && $0 != 127 }), !["info", "mon_groups", "mon_data"].contains(name)
        else { throw invalid("closID \"\(name)\" is no name of a directory") }
        let lines = try Self.lines(configuration)
        var steps = [Step]()
        if configuration.closID != nil, lines.isEmpty {
            steps.append(.requireDirectory(name))
        } else {
            steps.append(.makeDirectory(name, schemata: lines))
        }
        steps.append(.join(name))
        var own = configuration.closID == nil ? [name] : []
        if configuration.enableMonitoring {
            let monitor = "\(name)/mon_groups/\(id)"
            steps += [.makeMonitor(monitor), .join(monitor)]
            own.insert(monitor, at: 0)
        }
        self.steps = steps
        ownDirectories = own
    }

    /// The lines for `schemata`: those of the cache without any `MB:`, the bandwidth, then the complete ones.
    private static func lines(_ configuration: RuntimeIntelRdt) throws(RuntimeError) -> [String] {
        func split(_ text: String) -> [String] {
            text.utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        }
        var lines = [String]()
        if let cache = configuration.l3CacheSchema {
            lines += split(cache).filter {
                configuration.memoryBandwidthSchema == nil || !PathText.begins($0, with: "MB:")
            }
        }
        if let bandwidth = configuration.memoryBandwidthSchema {
            guard PathText.begins(bandwidth, with: "MB:"), !bandwidth.utf8.contains(10) else {
                throw RuntimeError(
                    "read", "linux.intelRdt.memBwSchema", cause: "it must be one line that begins with MB:")
            }
            lines.append(bandwidth)
        }
        for text in configuration.schemata { lines += split(text) }
        return lines
    }

    /// Where resctrl is mounted, by the text of `/proc/self/mountinfo`.
    static func mountPoint(_ mountInfo: String) -> String? {
        for line in mountInfo.utf8.split(separator: 10) {
            let fields = line.split(separator: 32)
            guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), fields.count > dash + 1, dash > 4
            else { continue }
            if fields[dash + 1].elementsEqual("resctrl".utf8) { return String(decoding: fields[4], as: UTF8.self) }
        }
        return nil
    }

    /// Removes directories that were made for one container; what is gone is fine. The kernel removes a class with its
    /// monitoring groups, and moves processes that are still in it to the root's.
    ///
    /// - Parameter place: where resctrl is, nil to look for it: where it is mounted no more, nothing is left.
    static func remove(_ directories: [String], from place: String? = nil) throws(RuntimeError) {
        if directories.isEmpty { return }
        var found = place
        if found == nil { found = try Self.place() }
        guard let found else { return }
        let root = try attempt("open", found) { () throws(Errno) in try Files.open(found, [.pathOnly, .directory]) }
        for directory in directories {
            try attempt("remove", "class of service \(directory)") { () throws(Errno) in
                do throws(Errno) { try Files.unlink(at: root.rawValue, directory, directory: true) } catch {
                    if error != .noSuchFile { throw error }
                }
            }
        }
    }

    /// Those of the directories that are not there yet: others are somebody else's, and stay.
    static func missing(_ directories: [String]) -> [String] {
        guard !directories.isEmpty, let place = try? place() else { return directories }
        return directories.filter { !Files.exists("\(place)/\($0)") }
    }

    private static func place() throws(RuntimeError) -> String? {
        let text = try attempt("read", "/proc/self/mountinfo") { () throws(Errno) in
            try Files.readLine("/proc/self/mountinfo")
        }
        return mountPoint(text)
    }

    /// Puts a process into the container's class.
    func apply(to pid: Int32) throws(RuntimeError) {
        guard let place = try Self.place() else {
            throw RuntimeError(
                "apply", "linux.intelRdt", cause: "no resctrl file system is mounted on this machine",
                remedy:
                    "mount it with mount -t resctrl resctrl /sys/fs/resctrl on a processor that has it, or leave intelRdt out"
            )
        }
        let root = try attempt("open", place) { () throws(Errno) in try Files.open(place, [.pathOnly, .directory]) }
        try apply(to: pid, below: root.rawValue)
    }

    /// The steps below an open directory: apart, so that a test can give it an ordinary one.
    func apply(to pid: Int32, below root: Int32) throws(RuntimeError) {
        for step in steps {
            switch step {
            case .requireDirectory(let name):
                guard let status = try? Files.status(at: root, name), status.kind == .directory else {
                    throw RuntimeError(
                        "join", "the class of service \(name)", cause: "it does not exist, and no schemata are given")
                }
            case .makeDirectory(let name, let lines): try make(name, lines, root)
            case .makeMonitor(let name):
                try attempt("make", "monitoring group \(name)") { () throws(Errno) in
                    do throws(Errno) { try Files.makeDirectory(at: root, name) } catch {
                        if error != .fileExists { throw error }
                    }
                }
            case .join(let name):
                try attempt("join", "\(name)/tasks") { () throws(Errno) in
                    try Files.writeKernelFile(at: root, "\(name)/tasks", "\(pid)")
                }
            }
        }
    }

    private func make(_ name: String, _ lines: [String], _ root: Int32) throws(RuntimeError) {
        var exists = false
        do throws(Errno) { try Files.makeDirectory(at: root, name) } catch {
            guard error == .fileExists else { throw RuntimeError("make", "class of service \(name)", error) }
            exists = true
        }
        if lines.isEmpty { return }
        if exists {
            let text = try attempt("read", "\(name)/schemata") { () throws(Errno) in
                try Files.readLine(at: root, "\(name)/schemata")
            }
            func normal(_ line: some StringProtocol) -> [UInt8] { line.utf8.filter { $0 != 32 } }
            let present = Set(text.split(separator: "\n").map { normal($0) })
            for line in lines where !present.contains(normal(line)) {
                throw RuntimeError("join", "the class of service \(name)", cause: "its schemata do not hold \(line)")
            }
            return
        }
        do throws(Errno) {
            try Files.writeKernelFile(at: root, "\(name)/schemata", lines.map { $0 + "\n" }.joined())
        } catch {
            try? Files.unlink(at: root, name, directory: true)
            throw RuntimeError("write", "\(name)/schemata", error)
        }
    }
}
