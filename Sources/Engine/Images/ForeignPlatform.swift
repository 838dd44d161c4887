import ImageStore
import LinuxKernel
import OCI

/// Images whose programs are for another processor: the kernel runs them only with an interpreter that somebody registered
/// (Documentation/admin-guide/binfmt-misc.rst).
enum ForeignPlatform {
    /// A failure's text, with the platform named when that is what the kernel's "exec format error" is about.
    static func named(_ text: String, image: String, in store: ImageStore) -> String {
        guard names(text, "exec format error"), let platform = (try? store.resolve(image))?.configuration.platform
        else {
            return text
        }
        return explained(text, platform: platform, host: .host, handlers: handlers())
    }

    /// The same with everything given.
    static func explained(_ text: String, platform: Platform, host: Platform, handlers: [[UInt8]]) -> String {
        guard platform.os != host.os || platform.architecture != host.architecture else { return text }
        let machine = machines[platform.architecture]
        if let machine, handlers.contains(where: { self.machine(ofHandler: $0) == machine }) { return text }
        return text
            + "; the image is for \(platform), this machine is \(host), and no interpreter for the other is registered: install qemu-user-static and binfmt-support, or take the image for \(host)"
    }

    private static func names(_ text: String, _ part: String) -> Bool {
        let bytes = Array(text.utf8), wanted = Array(part.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }

    /// `e_machine` of ELF files by Go's words.
    private static let machines: [String: UInt16] = [
        "386": 3, "arm": 40, "amd64": 62, "arm64": 183, "riscv64": 243, "ppc64le": 21, "ppc64": 21, "s390x": 22,
        "mips64le": 8, "mips64": 8, "mips": 8, "mipsle": 8, "loong64": 258,
    ]

    /// The texts of all enabled handlers.
    private static func handlers() -> [[UInt8]] {
        let place = "/proc/sys/fs/binfmt_misc"
        guard let directory = try? Files.open(place, [.readOnly, .directory]) else { return [] }
        return ((try? directory.directoryEntries()) ?? []).compactMap { entry in
            guard entry.name != "register", entry.name != "status" else { return nil }
            return try? Files.read(at: directory.rawValue, entry.name, limit: 1 << 16)
        }
    }

    /// The machine of a handler for ELF files, from its line "magic 7f454c46…"; nil for others, and for disabled ones.
    static func machine(ofHandler text: [UInt8]) -> UInt16? {
        let lines = text.split(separator: 10)
        guard lines.first?.elementsEqual("enabled".utf8) == true,
            let magic = lines.first(where: { $0.starts(with: "magic ".utf8) })?.dropFirst(6)
        else { return nil }
        var bytes: [UInt8] = []
        var rest = magic
        while rest.count >= 2 {
            guard let byte = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        guard bytes.count >= 20, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { return nil }
        // EI_DATA: 2 is the most significant byte first.
        return bytes[5] == 2 ? UInt16(bytes[18]) << 8 | UInt16(bytes[19]) : UInt16(bytes[19]) << 8 | UInt16(bytes[18])
    }
}
