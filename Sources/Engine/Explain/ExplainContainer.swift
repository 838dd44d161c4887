import ContainerNetwork
import Explain
import LinuxKernel

extension Engine {
    /// Explains a running container: what the kernel says of its first process, and what of it is not as it was asked for.
    public func explain(_ text: String) throws(EngineError) -> Explanation {
        let (record, state, directory) = try inspect(text)
        // Paused is running, too.
        guard state.pid > 0, ProcessInformation.isAlive(state.pid) else {
            throw EngineError(
                "container \(record.name) does not run, so the kernel has nothing of it to explain; \"berth inspect \(record.name)\" shows what is recorded"
            )
        }
        var explanation = try explained(state.pid, record)
        if state.processStart != 0, let start = explanation.process.startTime, start != state.processStart {
            throw EngineError("container \(record.name) ended while it was being looked at")
        }
        explanation.name = record.name
        explanation.differences = ContainerExpectations(
            record: record, ports: networks.endpoints(of: record.id).flatMap(\.ports), group: directory.controlGroup
        ).differences(explanation)
        return explanation
    }

    /// Explains any process of the host. One of a container of this engine's is explained as such.
    public func explainProcess(_ pid: Int32) throws(EngineError) -> Explanation {
        let identity: ContainerIdentity?
        do throws(ExplainError) { identity = try Explainer.identity(of: pid) } catch {
            throw EngineError(error.description)
        }
        var record: ContainerRecord?
        if let id = identity?.id, ContainerID.isID(id) {
            record = try? ContainerDirectory(roots: roots, id: id).readRecord()
        }
        return try explained(pid, record)
    }

    private func explained(_ pid: Int32, _ record: ContainerRecord?) throws(EngineError) -> Explanation {
        var hints = ExplainHints()
        hints.tables = [networks.tableName]
        hints.layers = record?.layers.reversed().map(\.path) ?? []
        for id in containers.ids() {
            let directory = ContainerDirectory(roots: roots, id: id)
            guard let other = try? directory.readRecord() else { continue }
            hints.names[id] = other.name
            guard id != record?.id, directory.readState().pid > 0, directory.isLocked else { continue }
            for layer in other.layers { hints.layerUsers[layer.path, default: []].append(other.name) }
        }
        do throws(ExplainError) { return try Explainer(hints: hints).explain(pid) } catch {
            throw EngineError(error.description)
        }
    }
}
