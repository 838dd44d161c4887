import LinuxKernel
import Netlink

/// `linux.netDevices`: links of the runtime's network namespace that become the container's (config-linux.md, "Network
/// Devices"). Each keeps its hardware address, MTU and the global addresses it was given for good, and comes up.
struct NetworkDevices {
    /// The name here and the name in the container, in the order of the former.
    private let devices: [(host: String, container: String)]

    var isEmpty: Bool { devices.isEmpty }

    init(_ names: [String: String]) throws(RuntimeError) {
        devices = names.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        for device in devices {
            for name in [device.host, device.container] where !Self.isName(name) {
                throw RuntimeError(
                    "move network device", name, cause: "a name has 1 to 15 bytes without spaces, slashes and colons")
            }
        }
        guard Set(devices.map(\.container)).count == devices.count else {
            throw RuntimeError("move network devices", "", cause: "two of them get one name in the container")
        }
    }

    /// What the kernel takes as a name (`dev_valid_name`).
    private static func isName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
    }

    /// Links that a container has got, and the namespace they are in: it must outlive a first process that fails, or
    /// virtual links would end with it.
    struct Lent: Sendable {
        fileprivate let namespace: SharedDescriptor
        fileprivate var devices: [(host: String, container: String)] = []

        /// Takes them back under their old names: for a container that did not come to be.
        func giveBack() {
            guard let home = try? Files.open("/proc/thread-self/ns/net", .readOnly),
                let there = try? ProcessControl.duplicate(namespace.number, minimum: 3)
            else { return }
            let file = FileDescriptor(owning: there)
            guard let visit = try? NetworkNamespaceVisit(entering: file) else { return }
            for device in devices { try? NetworkDevices.move(device.container, as: device.host, to: home.rawValue) }
            visit.leave()
        }
    }

    /// Moves all, or none.
    func move(to process: borrowing ChildHandle) throws(RuntimeError) -> Lent {
        var lent = Lent(namespace: SharedDescriptor(try open(process)))
        do throws(RuntimeError) {
            for device in devices {
                // Known before the step: one that moved and could not be set up goes back too.
                lent.devices.append(device)
                try Self.move(device.host, as: device.container, to: lent.namespace.number)
            }
        } catch {
            lent.giveBack()
            throw error
        }
        return lent
    }

    private func open(_ process: borrowing ChildHandle) throws(RuntimeError) -> FileDescriptor {
        try attempt("open", "the container's network namespace") { () throws(Errno) in
            try Files.open("/proc/\(process.pid)/ns/net", .readOnly)
        }
    }

    /// Moves one link from the thread's namespace to another, and sets it up there.
    private static func move(_ name: String, as newName: String, to namespace: Int32) throws(RuntimeError) {
        do throws(NetlinkError) {
            var here = try connection(name)
            guard let link = try here.link(named: name) else {
                throw NetlinkError(operation: "find the link", object: name, cause: .noSuchFile)
            }
            let addresses = try here.addresses().filter { $0.index == link.index && $0.scope == 0 && $0.isPermanent }
            var batch = NetlinkBatch()
            batch.moveLink(link.index, toNamespace: namespace, as: newName)
            try here.run(batch)
            try setUp(newName, addresses, in: namespace)
        } catch {
            throw RuntimeError("move network device", name, cause: "\(error)")
        }
    }

    private static func setUp(_ name: String, _ addresses: [AddressInfo], in namespace: Int32) throws(NetlinkError) {
        var there: NetlinkConnection<NetlinkSocket>
        do throws(Errno) {
            let file = FileDescriptor(owning: try ProcessControl.duplicate(namespace, minimum: 3))
            let visit = try NetworkNamespaceVisit(entering: file)
            there = NetlinkConnection(try NetlinkSocket(.route))
            visit.leave()
        } catch { throw NetlinkError(operation: "set up the link", object: name, cause: error) }
        guard let link = try there.link(named: name) else {
            throw NetlinkError(operation: "find the link", object: name, cause: .noSuchFile)
        }
        var batch = NetlinkBatch()
        for address in addresses { batch.addAddress(address.network, to: link.index) }
        batch.setLink(.index(link.index), up: true)
        try there.run(batch)
    }

    private static func connection(_ name: String) throws(NetlinkError) -> NetlinkConnection<NetlinkSocket> {
        do throws(Errno) { return NetlinkConnection(try NetlinkSocket(.route)) } catch {
            throw NetlinkError(operation: "ask for the link", object: name, cause: error)
        }
    }
}
