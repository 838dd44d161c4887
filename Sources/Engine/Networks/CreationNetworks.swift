import ContainerNetwork

extension Engine {
    /// Sees that the networks of a request are there, and names them by their names.
    ///
    /// - Returns: the container whose network is to be shared, if one is.
    func resolveNetworks(_ request: inout ContainerRequest) throws(EngineError) -> SharedNetwork? {
        let prefix = "container:"
        if request.network.utf8.starts(with: prefix.utf8) {
            let shared: SharedNetwork
            do throws(EngineError) {
                shared = try sharedNetwork(
                    String(decoding: request.network.utf8.dropFirst(prefix.utf8.count), as: UTF8.self))
            } catch { throw EngineError(error.description, exitCode: 125) }
            guard !request.usesHostUsers || shared.record.security.usesHostUsers else {
                throw EngineError(
                    "--userns=host cannot be combined with the network of container \(shared.record.name), which has a user namespace of its own",
                    exitCode: 125)
            }
            request.network = prefix + shared.record.id
            return shared
        }
        guard request.network != "host", request.network != "none" else { return nil }
        if request.networking.attachments.isEmpty {
            request.networking.attachments = [Attachment(network: request.network)]
        }
        for index in request.networking.attachments.indices {
            let wanted = request.networking.attachments[index].network
            let entry: NetworkEntry
            do throws(EngineError) { entry = try networkEntry(wanted) } catch {
                throw EngineError("\(error.description): `berth network create` makes one", exitCode: 125)
            }
            guard entry.record != nil else {
                throw EngineError("the network \(entry.name) cannot be combined with others", exitCode: 125)
            }
            request.networking.attachments[index].network = entry.name
        }
        request.network = request.networking.attachments[0].network
        return nil
    }
}
