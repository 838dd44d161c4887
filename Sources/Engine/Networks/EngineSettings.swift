import ContainerNetwork
import JSON
import LinuxKernel
import Netlink

/// What an engine's owner decides in a file: `/etc/berth/config.json`, with another root `ROOT/config.json`.
struct EngineSettings: Sendable, Equatable {
    var networks = NetworkSettings()
    /// Whether every container gets an init that reaps, as with `--init`.
    var usesInit = false

    /// The file of an engine.
    static func path(_ roots: EngineRoots) -> String {
        roots.instance.isEmpty ? "/etc/berth/config.json" : roots.state + "/config.json"
    }

    /// Reads the file; everything is at its default where there is none.
    static func read(_ roots: EngineRoots) throws(EngineError) -> EngineSettings {
        let path = path(roots)
        let bytes: [UInt8]
        do throws(Errno) { bytes = try Files.read(path, limit: 1 << 20) } catch {
            if error == .noSuchFile { return EngineSettings() }
            throw EngineError("read the settings", path, error)
        }
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw JSONError(problem: "an object was expected")
            }
            return try EngineSettings(object)
        } catch {
            throw EngineError(
                "the settings in \(path) cannot be read: \(error); mend or remove that file", exitCode: 125)
        }
    }

    private init() {}

    /// - Throws: also for a word it does not know: a setting that is misspelt would have no effect.
    init(_ object: JSONObject) throws(JSONError) {
        for key in object.keys where !["publishAddress", "connectionLimit", "init"].contains(key) {
            throw JSONError(path: [key], problem: "is not known; there are publishAddress, connectionLimit and init")
        }
        if let text = try object.string("publishAddress") {
            guard let address = IPAddress(text) else {
                throw JSONError(path: ["publishAddress"], problem: "is not an address such as 127.0.0.1")
            }
            networks.publishAddress = address
        }
        usesInit = try object.bool("init") ?? false
        if let limit = try object.integer("connectionLimit", as: UInt32.self) {
            guard (1...10_000_000).contains(limit) else {
                throw JSONError(path: ["connectionLimit"], problem: "is not a number from 1 to 10000000")
            }
            networks.connectionLimit = limit
        }
    }
}
