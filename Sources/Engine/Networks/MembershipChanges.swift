import ContainerNetwork
import LinuxKernel

extension Engine {
    /// `network connect`: now, when the container runs; and for its next start in any case.
    ///
    /// - Returns: what stands in the way although all is well.
    public func connect(_ text: String, _ wanted: Attachment) throws(EngineError) -> [NetworkWarning] {
        let entry = try networkEntry(wanted.network)
        var attachment = wanted
        attachment.network = entry.name
        let change = try beginChange(try inspect(text).record.id)
        defer { withExtendedLifetime(change) {} }
        let (record, state, directory) = try inspect(change.containerID)
        guard entry.record != nil else {
            throw EngineError("container cannot be connected to network \(entry.name): it is not a network of its own")
        }
        guard record.joinsNetworks else {
            throw EngineError(
                "container \(record.name) uses the network \(record.network) and cannot be connected to others; start it with --network \(entry.name)"
            )
        }
        let isThere =
            state.status == .running
            ? networks.endpoints(of: record.id).contains { $0.network == entry.name }
            : record.attachments.contains { $0.network == entry.name }
        guard !isThere else {
            throw EngineError("endpoint with name \(record.name) already exists in network \(entry.name)")
        }
        try note(entry.name, change)
        var warnings = [NetworkWarning]()
        if state.status == .running {
            let process = try openProcess(record, state)
            let result = try translated { () throws(NetworkError) in
                try networks.attach(
                    containerID: record.id, attachment, names: record.networkNames, namespace: process
                ) { (try? Poll.readable(process.rawValue, milliseconds: 0)) == false }
            }
            warnings = result.warnings
            try NameFiles.change(directory, removing: "", adding: NameFiles.lines(result.endpoint, record))
        }
        var changed = record
        changed.networking.attachments = record.attachments.filter { $0.network != entry.name } + [attachment]
        changed.networking.isDetached = false
        changed.network = changed.networking.attachments[0].network
        try directory.write(changed)
        return warnings
    }

    /// `network disconnect`.
    ///
    /// - Parameter force: forget the container even where it does not exist any more.
    public func disconnect(_ text: String, network: String, force: Bool) throws(EngineError) {
        let entry = try networkEntry(network)
        let found: ContainerRecord
        do throws(EngineError) { found = try inspect(text).record } catch {
            guard force, PathText.begins(error.description, with: "No such container") else { throw error }
            return
        }
        let change = try beginChange(found.id)
        defer { withExtendedLifetime(change) {} }
        let (record, state, _) = try inspect(found.id)
        let isReal = state.status == .running && networks.endpoints(of: record.id).contains { $0.network == entry.name }
        guard isReal || record.attachments.contains(where: { $0.network == entry.name }) else {
            if force { return }
            throw EngineError("container \(record.name) is not connected to network \(entry.name)")
        }
        try note(entry.name, change)
        try takeOut(record.id, of: entry.name)
    }

    /// Takes a container out of a network, from whatever half way somebody left it. Under its ``NetworkChange``.
    private func takeOut(_ id: String, of network: String) throws(EngineError) {
        let (record, state, directory) = try inspect(id)
        if state.status == .running, let endpoint = networks.endpoints(of: id).first(where: { $0.network == network }) {
            let process = try openProcess(record, state)
            // First what the record of the endpoint is needed for.
            let lines = NameFiles.lines(endpoint, record)
            try NameFiles.change(directory, removing: lines, adding: "")
            do throws(EngineError) {
                _ = try translated { () throws(NetworkError) in
                    try networks.detach(containerID: id, network: network, namespace: process)
                }
            } catch {
                try? NameFiles.change(directory, removing: lines, adding: lines)
                throw error
            }
        }
        guard record.attachments.contains(where: { $0.network == network }) else { return }
        var changed = record
        changed.networking.attachments = record.attachments.filter { $0.network != network }
        if changed.networking.attachments.isEmpty {
            // Without a network left it has its loopback interface alone, also after the next start.
            changed.networking.isDetached = true
        } else if changed.network == network {
            changed.network = changed.networking.attachments[0].network
        }
        try directory.write(changed)
    }

    /// Waits for its turn, and puts right what a killed command left.
    private func beginChange(_ id: String) throws(EngineError) -> NetworkChange {
        let change: NetworkChange
        do throws(NetworkError) { change = try networks.beginChange(of: id) } catch {
            throw EngineError(error.description)
        }
        if let network = change.interrupted { try takeOut(id, of: network) }
        return change
    }

    private func note(_ network: String, _ change: borrowing NetworkChange) throws(EngineError) {
        do throws(NetworkError) { try networks.note(network, in: change) } catch {
            throw EngineError(error.description)
        }
    }

    /// Takes containers out of the networks that killed commands were connecting them to or disconnecting them from. What
    /// cannot be put right now is tried again by the next command.
    func settleNetworkChanges() {
        for id in networks.containersInChange() {
            guard var change = networks.interruptedChange(of: id) else { continue }
            if let network = change.interrupted {
                do throws(EngineError) { try takeOut(id, of: network) } catch {
                    if !PathText.begins(error.description, with: "No such container") { change.isLeftOpen = true }
                }
            }
        }
    }
}
