import Glibc
import LinuxKernel

/// Asks a container's resolver as fast as it answers: `flood SECONDS NAME [WINDOW]`, in the container's network namespace, with so
/// many questions on their way at once.
enum Flood {
    static func run(seconds: Int, name: String, window: Int) throws(Errno) {
        let socket = try InternetSocket.connecting(.udp, to: InternetPeer(address: [127, 0, 0, 11], port: 53))
            .intoDescriptor()
        var question: [UInt8] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.utf8.split(separator: UInt8(ascii: ".")) { question += [UInt8(label.count)] + label }
        question += [0, 0, 1, 0, 1]
        var asked = [Int64](repeating: 0, count: 65536)
        var times = [Int64]()
        times.reserveCapacity(4_000_000)
        var buffer = [UInt8](repeating: 0, count: 2048)
        var next: UInt16 = 0, waiting = 0, lost = 0
        let start = MonotonicClock.nanoseconds()
        let end = start + Int64(seconds) * 1_000_000_000
        while MonotonicClock.nanoseconds() < end {
            while waiting < window {
                next &+= 1
                question[0] = UInt8(next >> 8)
                question[1] = UInt8(next & 255)
                asked[Int(next)] = MonotonicClock.nanoseconds()
                _ = try StreamSocket.send(socket.rawValue, question[...])
                waiting += 1
            }
            if !(try Poll.readable(socket.rawValue, milliseconds: 500)) {
                lost += waiting
                waiting = 0
            }
            while let (length, _) = try InternetSocket.receive(socket.rawValue, into: &buffer) {
                let number = Int(buffer[0]) << 8 | Int(buffer[1])
                guard length > 12, buffer[3] & 15 == 0, buffer[7] > 0, asked[number] != 0 else { continue }
                times.append(MonotonicClock.nanoseconds() - asked[number])
                asked[number] = 0
                waiting = max(0, waiting - 1)
            }
        }
        let took = Double(MonotonicClock.nanoseconds() - start) / 1e9
        times.sort()
        guard !times.isEmpty else { return NetworkProbe.say("no answer") }
        NetworkProbe.say(
            "\(Int(Double(times.count) / took)) a second, median \(times[times.count / 2] / 1000) us, 99th percentile "
                + "\(times[times.count * 99 / 100] / 1000) us, \(lost) lost")
    }
}
