import JSON
import LinuxKernel

/// The endpoints of all containers, a file per container: `endpoints/CONTAINERID.json` in the directory that dies with
/// the boot. What the kernel holds is never more than what the records say: a record is written before the kernel is asked
/// for anything and removed after everything is taken back.
struct EndpointRecords: Sendable {
    /// The directory of the files.
    let directory: String

    private func path(_ containerID: String) -> String { "\(directory)/\(containerID).json" }

    /// Held while a record is replaced: a temporary file that is there when nobody holds it is a dead process's.
    private func lock() throws(Errno) -> FileLock { try FileLock("\(directory)/.lock") }

    /// Writes the container's endpoints.
    func write(_ endpoints: [Endpoint], of containerID: String) throws(NetworkError) {
        let value = JSONValue.object(
            JSONObject([("version", 1), ("endpoints", .array(endpoints.map(\.json)))]))
        do throws(Errno) {
            let guardian = try lock()
            defer { withExtendedLifetime(guardian) {} }
            try Files.replace(path(containerID), with: value.serialized(), mode: 0o600)
        } catch { throw NetworkError("record the network of container", containerID, error) }
    }

    /// Writes the container's endpoints, or removes the record when there are none.
    func writeOrRemove(_ endpoints: [Endpoint], of containerID: String) throws(NetworkError) {
        if endpoints.isEmpty { try remove(containerID) } else { try write(endpoints, of: containerID) }
    }

    /// The container's endpoints, none when it has no record. A record that cannot be read counts as none: it holds
    /// nothing that can be given back.
    func read(_ containerID: String) -> [Endpoint] {
        guard let bytes = try? Files.read(path(containerID), limit: 4 << 20),
            let value = try? JSONValue(parsing: bytes), let object = value.objectValue
        else { return [] }
        do throws(JSONError) {
            return try object.decodeArray("endpoints") { (member) throws(JSONError) in
                try Endpoint(containerID: containerID, member)
            } ?? []
        } catch {
            return []
        }
    }

    /// Removes the container's record.
    func remove(_ containerID: String) throws(NetworkError) {
        do throws(Errno) { try Files.unlink(path(containerID)) } catch {
            if error != .noSuchFile { throw NetworkError("remove the network record of container", containerID, error) }
        }
    }

    /// Removes what processes that were killed while writing left, of living containers too.
    func removeTemporaries() {
        guard Temporaries.exist(in: directory), let guardian = try? lock() else { return }
        defer { withExtendedLifetime(guardian) {} }
        Temporaries.remove(in: directory)
    }

    /// The containers that have a record, sorted.
    func containerIDs() -> [String] {
        guard let opened = try? Files.open(directory, [.readOnly, .directory]),
            let entries = try? opened.directoryEntries()
        else { return [] }
        return entries.compactMap { entry in
            let name = entry.name.description
            return name.hasSuffix(".json") ? String(name.dropLast(5)) : nil
        }.sorted()
    }
}
