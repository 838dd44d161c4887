import CommandLine
import ContainerNetwork
import Engine
import Glibc
import ImageStore
import JSON
import LinuxKernel

extension ProgramExecution {
    /// `version`.
    func version() -> Int32 {
        writeText(
            """
            Berth
             Version:     \(Version.text)
             OS/Arch:     linux/\(Host.architecture)
             Kernel:      \(Host.kernelRelease)
             OCI runtime: 1.3.0

            """, to: 1)
        return 0
    }

    /// `info`.
    func information() throws -> Int32 {
        let containers = try engine.list()
        func count(_ status: ContainerState.Status) -> Int { containers.filter { $0.state.status == status }.count }
        writeText(
            """
            Containers: \(containers.count)
             Running: \(count(.running))
             Stopped: \(count(.exited))
            Images: \(try engine.images.images().count)
            Version: \(Version.text)
            Storage: overlayfs
            Cgroups: \(engine.controlGroupLayout)
            Bridge: \(engine.networks.bridgeName())
            Table: \(engine.networks.tableName)
            Kernel: \(Host.kernelRelease)
            Architecture: \(Host.architecture)
            CPUs: \(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
            Root directory: \(engine.roots.state)
            Run directory: \(engine.roots.run)

            """, to: 1)
        return 0
    }

    /// `system reset`: everything of this engine goes.
    func reset(force: Bool) throws -> Int32 {
        if !force {
            guard Terminal.isTerminal(0) else {
                throw EngineError(
                    "system reset removes every container, image, volume and network below \(engine.roots.state): confirm with --force"
                )
            }
            writeText(
                "This removes every container, image, volume and network below \(engine.roots.state).\nAre you sure? [y/N] ",
                to: 1)
            guard let answer = readLine(), answer.lowercased().hasPrefix("y") else { return 1 }
        }
        try engine.reset()
        return 0
    }
}

/// What the machine is.
enum Host {
    static var kernelRelease: String { (try? Files.readLine("/proc/sys/kernel/osrelease")) ?? "" }
    static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #else
        "arm64"
        #endif
    }
}

/// Writes bytes to a standard stream; false when nobody reads it any more.
func writeBytes(_ bytes: [UInt8], to number: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            StandardOutput.note(errno, number)
            return false
        }
        rest = rest.dropFirst(count)
    }
    return true
}
