import LinuxKernel
import Netlink

/// Who has which address of a network: a symbolic link per address, whose name is the address and whose text is the
/// container. Making one is atomic, exclusive, and carries the owner, in one system call; no process needs a lock.
struct AddressLeases: Sendable {
    /// The directory of the links.
    let directory: String

    /// An address of the plan that nobody has at this moment: `preferred` if it will do, else the next after the last one
    /// given out, so that an address rests as long as possible before it is somebody else's. It is not taken yet: somebody
    /// else may be faster.
    ///
    /// - Returns: nil when every address is taken.
    func candidate(in plan: AddressPlan, for containerID: String, preferred: IPAddress? = nil) -> IPAddress? {
        let excluded = plan.excluded
        func isFree(_ address: IPAddress) -> Bool {
            if excluded.contains(address) { return false }
            guard let owner = owner(of: address) else { return true }
            return owner == containerID
        }
        if let preferred, plan.subnet.contains(preferred), isFree(preferred) { return preferred }
        let place = plan.range ?? plan.subnet
        let count = min(place.size, 1 << 20)
        let start = lastGiven(place)
        for step in 1...count {
            let offset = (start + step) % count
            if let address = place.base.advanced(by: offset), isFree(address) { return address }
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
    private func hintPath(_ place: IPNetwork) -> String { "\(directory)/last\(place.address.bitCount)" }

    private func lastGiven(_ place: IPNetwork) -> Int {
        guard let text = try? Files.readLink(hintPath(place)), let number = Int(text.description) else { return 0 }
        return number >= 0 && number < min(place.size, 1 << 20) ? number : 0
    }

    /// Remembers where to look for the next address.
    func rememberLastGiven(_ address: IPAddress, in plan: AddressPlan) {
        let place = plan.range ?? plan.subnet
        guard let offset = address.distance(from: place.base), offset < 1 << 20 else { return }
        try? Files.unlink(hintPath(place))
        try? Files.symbolicLink(hintPath(place), target: String(offset))
    }
}
