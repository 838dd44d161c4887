import ControlGroups
import LinuxKernel

/// What a running container uses at a moment.
public struct ContainerSample: Sendable {
    public var record: ContainerRecord
    /// Nanoseconds of the monotonic clock.
    public var time: Int64
    public var statistics: GroupStatistics
    /// Bytes received and sent on all of its interfaces but the loopback.
    public var received: UInt64 = 0
    public var sent: UInt64 = 0

    /// Bytes of memory it may use: its limit, or the machine's.
    public var memoryLimit: UInt64 { min(statistics.memory.limit ?? .max, Self.machineMemory) }

    /// Percent of one processor since an earlier moment.
    public func processorShare(since earlier: ContainerSample) -> Double {
        let passed = time - earlier.time
        guard passed > 0, statistics.cpu.usage >= earlier.statistics.cpu.usage else { return 0 }
        return Double(statistics.cpu.usage - earlier.statistics.cpu.usage) * 100 / Double(passed)
    }

    /// Bytes of memory that the machine has.
    public static let machineMemory: UInt64 = {
        let text = (try? Files.read("/proc/meminfo", limit: 1 << 16)) ?? []
        for line in text.split(separator: 10) where line.starts(with: "MemTotal:".utf8) {
            let words = line.split(separator: 32)
            if words.count > 1, let value = UInt64(String(decoding: words[1], as: UTF8.self)) { return value * 1024 }
        }
        return .max
    }()

    /// Adds up the interfaces of `/proc/PID/net/dev`.
    static func traffic(_ bytes: [UInt8]) -> (received: UInt64, sent: UInt64) {
        var received: UInt64 = 0, sent: UInt64 = 0
        for line in bytes.split(separator: 10).dropFirst(2) {
            let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = String(decoding: parts[0], as: UTF8.self).filter { $0 != " " }
            let fields = parts[1].split(separator: 32).compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard name != "lo", fields.count >= 9 else { continue }
            received &+= fields[0]
            sent &+= fields[8]
        }
        return (received, sent)
    }
}

extension Engine {
    /// What a container uses now; nil when it does not run.
    public func sample(_ record: ContainerRecord, _ state: ContainerState) -> ContainerSample? {
        guard state.status == .running else { return nil }
        let directory = ContainerDirectory(roots: roots, id: record.id)
        do {
            let group = try ControlGroup.open(host: HostControlGroups.detect(), path: directory.payloadGroup)
            guard group.exists else { return nil }
            var sample = ContainerSample(
                record: record, time: MonotonicClock.nanoseconds(), statistics: try group.statistics())
            // On the host's network the counters are the host's: as Docker, none.
            if record.network != "host", let bytes = try? Files.read("/proc/\(state.pid)/net/dev", limit: 1 << 20) {
                (sample.received, sample.sent) = ContainerSample.traffic(bytes)
            }
            return sample
        } catch {
            return nil
        }
    }
}
