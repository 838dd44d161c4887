import LinuxKernel
import Netlink

/// Who has which address of a network: a symbolic link per address, whose name is the address and whose text is the
/// container. Making one is atomic, exclusive, and carries the owner, in one system call; no process needs a lock.
struct AddressLeases: Sendable {
    /// The directory of the links.
    let directory: String

    /// An address of `subnet` that nobody has at this moment: `preferred` if it will do, else the next after the last one
    /// given out, so that an address rests as long as possible before it is somebody else's. It is not taken yet: somebody
    /// else may be faster.
    ///
    /// - Returns: nil when every address is taken.
    func candidate(
        in subnet: IPNetwork, except reserved: [IPAddress], for containerID: String, preferred: IPAddress? = nil
    ) -> IPAddress? {
        func isFree(_ address: IPAddress) -> Bool {
            if reserved.contains(address) { return false }
            guard let owner = owner(of: address) else { return true }
            return owner == containerID
        }
        // The network's and the broadcast address are nobody's.
        if let preferred, subnet.contains(preferred), preferred != subnet.base, preferred != subnet.last,
            isFree(preferred)
        {
            return preferred
        }
        let last = min(subnet.size, 1 << 20) - 2
        guard last >= 1 else { return nil }
        let start = min(max(lastGiven ?? 0, 0), last)
        for step in 0..<last {
            let offset = 1 + (start + step) % last
            if let address = subnet.base.advanced(by: offset), isFree(address) { return address }
        }
        return nil
    }

    /// Takes exactly this address. One that the same container has already is its own again.
    ///
    /// - Returns: false when another container has it.
    func take(_ address: IPAddress, for containerID: String) throws(NetworkError) -> Bool {
        do throws(Errno) {
            try Files.symbolicLink("\(directory)/\(address)", target: containerID)
            return true
        } catch {
            if error == .fileExists { return owner(of: address) == containerID }
            throw NetworkError("lease the address", "\(address)", error)
        }
    }

    /// Whose an address is.
    func owner(of address: IPAddress) -> String? { (try? Files.readLink("\(directory)/\(address)"))?.description }

    /// Gives an address back, unless it is somebody else's by now.
    func giveBack(_ address: IPAddress, of containerID: String) {
        if owner(of: address) == containerID { try? Files.unlink("\(directory)/\(address)") }
    }

    /// All leases.
    func all() -> [(address: IPAddress, containerID: String)] {
        guard let opened = try? Files.open(directory, [.readOnly, .directory]),
            let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.compactMap { entry in
            guard let address = IPAddress(entry.name.description), let owner = owner(of: address) else { return nil }
            return (address, owner)
        }
    }

    // The last offset given out is a hint only: whoever reads an old one meets a taken address and goes on.
    private var hintPath: String { "\(directory)/last" }

    private var lastGiven: Int? { (try? Files.readLink(hintPath)).flatMap { Int($0.description) } }

    /// Remembers where to look for the next address.
    func rememberLastGiven(_ address: IPAddress, in subnet: IPNetwork) {
        guard case .v4(let given) = address, case .v4(let base) = subnet.base, given > base else { return }
        try? Files.unlink(hintPath)
        try? Files.symbolicLink(hintPath, target: String(given - base))
    }
}
