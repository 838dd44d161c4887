import LinuxKernel
import Netlink

/// Who has which address of a network: a symbolic link per address, whose name is the address and whose text is the
/// container. Making one is atomic, exclusive, and carries the owner, in one system call; no process needs a lock.
struct AddressLeases: Sendable {
    /// The directory of the links.
    let directory: String

    /// Takes an address of `subnet` that nobody has: `preferred` if it is free, else the next after the last one given
    /// out, so that an address rests as long as possible before it is somebody else's.
    ///
    /// - Returns: nil when every address is taken.
    func take(
        in subnet: IPNetwork, except reserved: [IPAddress], for containerID: String, preferred: IPAddress? = nil
    ) throws(NetworkError) -> IPAddress? {
        if let preferred, subnet.contains(preferred), !reserved.contains(preferred),
            try take(preferred, for: containerID)
        {
            return preferred
        }
        // The network's and the broadcast address are nobody's.
        let first = 1
        let last = min(subnet.size, 1 << 20) - 2
        guard last >= first else { return nil }
        let count = last - first + 1
        let start = lastGiven(in: subnet).map { $0 + 1 } ?? first
        for step in 0..<count {
            let offset = first + (max(start, first) - first + step) % count
            guard let address = subnet.base.advanced(by: offset), !reserved.contains(address) else { continue }
            if try take(address, for: containerID) {
                rememberLastGiven(offset)
                return address
            }
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

    private func lastGiven(in subnet: IPNetwork) -> Int? {
        guard let text = try? Files.readLink(hintPath), let offset = Int(text.description), offset > 0 else {
            return nil
        }
        return offset
    }

    private func rememberLastGiven(_ offset: Int) {
        try? Files.unlink(hintPath)
        try? Files.symbolicLink(hintPath, target: String(offset))
    }
}
