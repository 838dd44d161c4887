import ContainerNetwork
import LinuxKernel

/// Things that a monitor does for its container's networks: names, streams that the kernel cannot redirect, the rules. Each
/// has a descriptor of its own; all of them are one to the monitor's loop.
final class NetworkServices {
    private let poller: Poller
    private var parts: [() -> Void] = []

    init() throws(EngineError) {
        do throws(Errno) { poller = try Poller() } catch { throw EngineError("make", "an epoll instance", error) }
    }

    /// Readable when a part has something to do.
    var number: Int32 { poller.number }

    /// Adds a part; it must not wait.
    func add(_ number: Int32, _ serve: @escaping () -> Void) throws(EngineError) {
        do throws(Errno) { try poller.add(number, .readable, token: UInt64(parts.count)) } catch {
            throw EngineError("watch", "the network services", error)
        }
        parts.append(serve)
    }

    /// Lets each part do what it has to.
    func serve() {
        guard let events = try? poller.wait(milliseconds: 0) else { return }
        for event in events where parts.indices.contains(Int(event.token)) { parts[Int(event.token)]() }
    }
}
