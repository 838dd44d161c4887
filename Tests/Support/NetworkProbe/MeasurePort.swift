import ContainerNetwork
import Glibc
import LinuxKernel

extension Measure {
    /// What one published port adds to a container's start beside so many others: `measure-add ROUNDS OTHERS`. A container with
    /// a port and one without take turns; the difference is the port's.
    static func addPort(_ engine: NetworkEngine, rounds: Int, others: Int) throws(NetworkError) {
        let holder = try sleeper()
        defer { kill(holder.pid, SIGKILL) }
        var many = try engine.endpoint(
            for: "many", ports: try NetworkProbe.ports(["20000-\(20000 + others - 1):20000-\(20000 + others - 1)"][...])
        )
        let held = try engine.holdPorts(&many) { $0 }
        try engine.connect(many, namespace: holder.pidfd)
        var differences = [Int64]()
        for round in 0..<rounds {
            let without = try once(engine, "without\(round)", [])
            let with = try once(engine, "with\(round)", [PortRequest(hostPort: 15000, containerPort: 80)])
            differences.append(with - without)
        }
        for number in held.release() { close(number) }
        differences.sort()
        NetworkProbe.say(
            "port: median \(differences[differences.count / 2]) us, least \(differences[0]), most \(differences[differences.count - 1])"
        )
    }

    private static func once(_ engine: NetworkEngine, _ id: String, _ ports: [PortRequest]) throws(NetworkError)
        -> Int64
    {
        let child = try sleeper()
        let start = MonotonicClock.nanoseconds()
        var endpoint = try engine.endpoint(for: id, ports: ports)
        let held = try engine.holdPorts(&endpoint) { $0 }
        try engine.connect(endpoint, namespace: child.pidfd)
        let took = (MonotonicClock.nanoseconds() - start) / 1000
        do throws(Errno) {
            try child.send(signal: SIGKILL)
            _ = try child.wait()
        } catch { throw NetworkError(operation: "end", object: id, cause: "\(error)") }
        try engine.release(containerID: id)
        for number in held.release() { close(number) }
        usleep(50_000)
        return took
    }
}
