import CLinux
import ContainerNetwork
import Glibc
import LinuxKernel

/// How long a container's network takes, step by step, in microseconds: `measure COUNT [BESIDE [PORT]]`, with BESIDE other
/// containers connected meanwhile.
enum Measure {
    static func run(_ engine: NetworkEngine, count: Int, beside: Int, ports: String?, pause: Bool = true)
        throws(NetworkError)
    {
        var others = [Int32]()
        defer { for pid in others { kill(pid, SIGKILL) } }
        for number in 0..<beside {
            let child = try sleeper()
            others.append(child.pid)
            var endpoint = try engine.endpoint(
                for: "beside\(number)", ports: [PortRequest(hostPort: UInt16(20_000 + number), containerPort: 80)])
            _ = try engine.holdPorts(&endpoint) { $0 }
            try engine.connect(endpoint, namespace: child.pidfd)
        }
        var steps = [String: [Int64]]()
        for number in 0..<count {
            let child = try sleeper()
            let id = "measure\(number)"
            var clock = MonotonicClock.nanoseconds()
            func lap(_ name: String) {
                let now = MonotonicClock.nanoseconds()
                steps[name, default: []].append((now - clock) / 1000)
                clock = now
            }
            let start = clock
            let requests = try ports.map { (text) throws(NetworkError) in try NetworkProbe.ports([text][...]) } ?? []
            var endpoint = try engine.endpoint(for: id, names: [], ports: requests)
            lap("1 endpoint")
            let held = try engine.holdPorts(&endpoint) { $0 }
            lap("2 hold")
            try engine.connect(endpoint, namespace: child.pidfd)
            lap("3 connect")
            let ready = clock
            do throws(Errno) {
                try child.send(signal: SIGKILL)
                _ = try child.wait()
            } catch { throw NetworkError(operation: "end", object: id, cause: "\(error)") }
            clock = MonotonicClock.nanoseconds()
            let ended = clock
            try engine.release(containerID: id)
            lap("4 release")
            for number in held.release() { close(number) }
            // The kernel cleans up behind, and holds the lock that the next one's links need.
            if pause { usleep(80_000) }
            steps["5 all", default: []].append((ready - start + clock - ended) / 1000)
        }
        for name in steps.keys.sorted() {
            let sorted = (steps[name] ?? []).sorted()
            NetworkProbe.say(
                "\(name): median \(sorted[sorted.count / 2]) us, least \(sorted[0]), most \(sorted[sorted.count - 1])")
        }
    }

    static func sleeper() throws(NetworkError) -> ChildHandle {
        var options = CloneOptions()
        options.namespaces = .network
        do throws(Errno) {
            return try ProcessClone.run(options) {
                pause()
                return 0
            }
        } catch { throw NetworkError(operation: "clone", object: "", cause: "\(error)") }
    }
}
