import LinuxKernel

/// Who started a process: tells the engine of a container whose control groups have a name of the user's own.
enum Ancestry {
    /// The identity with its engine, when the groups tell an id alone and a process above is one of an engine's.
    static func named(_ identity: ContainerIdentity, pid: Int32) -> ContainerIdentity {
        guard identity.engine == "container" else { return identity }
        var identity = identity
        var current = pid
        // A container's processes stand in some depth below its monitor; the numbers may change while they are read.
        for _ in 0..<64 {
            guard let text = try? Files.read("/proc/\(current)/status", limit: 1 << 20) else { break }
            let parent = parent(text)
            guard parent > 1 else { break }
            let words = ((try? Files.read("/proc/\(parent)/cmdline", limit: 1 << 20)) ?? []).split(separator: 0)
            if let engine = engine(words.map { String(decoding: $0, as: UTF8.self) }) {
                identity.engine = engine
                break
            }
            current = parent
        }
        return identity
    }

    static func parent(_ status: [UInt8]) -> Int32 {
        for line in status.split(separator: 10) where line.starts(with: "PPid:".utf8) {
            return KernelText.words(line.dropFirst(5)).first.flatMap { KernelText.number($0) }.flatMap {
                Int32(exactly: $0)
            } ?? 0
        }
        return 0
    }

    /// The engine whose monitor has these arguments.
    static func engine(_ arguments: [String]) -> String? {
        guard let program = arguments.first?.utf8.split(separator: 47).last.flatMap({ String($0) }) else { return nil }
        if PathText.begins(program, with: "containerd-shim") {
            guard let place = arguments.firstIndex(of: "-namespace"), place + 1 < arguments.count else {
                return "containerd"
            }
            return arguments[place + 1] == "moby" ? "docker" : "containerd"
        }
        return program == "conmon" ? "podman" : nil
    }
}
