import CLinux
import ContainerNetwork
import Glibc
import LinuxKernel
import Netlink

// Plays what an engine does with `ContainerNetwork`, one process per container, so that tests can put it into a network
// namespace of their own and kill it. Never installed.
//
//   NetworkProbe ROOT INSTANCE VERB ARGUMENTS…
@main
enum NetworkProbe {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 3 else { fail("usage: NetworkProbe ROOT INSTANCE VERB ARGUMENTS…") }
        let root = arguments[0]
        // IPv4 alone unless a test asks for more: what is published is then what the test names.
        var settings = NetworkSettings()
        settings.publishAddress = IPAddress("0.0.0.0")
        let engine = NetworkEngine(
            stateRoot: "\(root)/state", runRoot: "\(root)/run", instance: arguments[1], machineRoot: "\(root)/machine",
            settings: settings)
        let rest = Array(arguments.dropFirst(3))
        do throws(NetworkError) {
            switch arguments[2] {
            case "run": try run(engine, rest)
            case "loopback": try engine.setUpLoopbackOnly(namespace: open(rest[0]))
            case "release": for id in rest { try engine.release(containerID: id) }
            case "reconcile": for id in try engine.reconcile(isAlive: { rest.contains($0) }) { say(id) }
            case "heal": say(try engine.heal() ? "healed" : "current")
            case "obstacles": for warning in engine.obstacles() { say("\(warning)") }
            case "remove-all": try engine.removeAll()
            case "flood":
                do throws(Errno) {
                    try Flood.run(
                        seconds: Int(rest[0]) ?? 3, name: rest[1], window: rest.count > 2 ? Int(rest[2]) ?? 8 : 8)
                } catch { fail("ask the resolver: \(error)") }
            case "measure-add":
                try Measure.addPort(engine, rounds: Int(rest[0]) ?? 60, others: Int(rest[1]) ?? 10_000)
            case "measure", "measure-tight":
                try Measure.run(
                    engine, count: Int(rest[0]) ?? 100, beside: rest.count > 1 ? Int(rest[1]) ?? 0 : 0,
                    ports: rest.dropFirst(2).first,
                    pause: arguments[2] == "measure")
            default: fail("unknown verb \(arguments[2])")
            }
        } catch { fail("\(error)") }
    }

    /// `run ID NAMESPACE [PORT…]`: leases, holds, connects, says READY, waits for a byte on standard input, releases.
    /// With the word `leave` as the first port argument nothing is released; with `lease` it stops after the lease.
    static func run(_ engine: NetworkEngine, _ arguments: [String]) throws(NetworkError) {
        var words = arguments.dropFirst(2)
        let mode = words.first.flatMap { ["leave", "lease", "hold"].contains($0) ? $0 : nil }
        if mode != nil { words = words.dropFirst() }
        var ports = [PortRequest]()
        ports = try Self.ports(words)
        let id = arguments[0]
        // An engine's monitor puts flushed rules back by itself; tests of the others see what they do.
        var endpoint = try engine.endpoint(for: id, names: [id], ports: ports)
        if mode != "lease" {
            let held = try engine.holdPorts(&endpoint) { "name-of-\($0)" }
            if mode != "hold" {
                for warning in try engine.connect(
                    endpoint, namespace: open(arguments[1]),
                    groups: arguments[1].hasPrefix("pid:") ? 100_000...165_535 : nil)
                { say("WARNING \(warning)") }
            }
            say(
                "READY \(endpoint.addresses[0].address) \(endpoint.hostInterface) \(endpoint.ports.map(\.hostText).joined(separator: ","))"
            )
            waitForEnd()
            if mode != "leave" { try engine.release(containerID: id) }
            _ = held.release()
        } else {
            say("READY \(endpoint.addresses[0].address)")
            waitForEnd()
        }
        say("DONE")
    }

    static func ports(_ words: ArraySlice<String>) throws(NetworkError) -> [PortRequest] {
        var ports = [PortRequest]()
        for word in words {
            do throws(PortSyntaxError) { ports += try PortRequest.parse(word) } catch {
                throw NetworkError(operation: "publish", object: word, cause: error.description)
            }
        }
        return ports
    }

    static func open(_ path: String) throws(NetworkError) -> FileDescriptor {
        do throws(Errno) {
            // As an engine does it: by the process, which stays this one even when its number is used again.
            if path.hasPrefix("pid:"), let pid = Int32(path.dropFirst(4)) { return try ProcessClone.open(pid: pid) }
            return try Files.open(path, .readOnly)
        } catch {
            throw NetworkError(operation: "open", object: path, cause: "\(error)")
        }
    }

    static func waitForEnd() {
        var byte: UInt8 = 0
        _ = read(0, &byte, 1)
    }

    static func say(_ text: String) { writeText(text + "\n", to: 1) }

    static func fail(_ text: String) -> Never {
        writeText(text + "\n", to: 2)
        exit(1)
    }
}
