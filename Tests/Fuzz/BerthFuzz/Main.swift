import FuzzTargets
import Glibc

/// `berth-fuzz TARGET SECONDS [SEED]`: gives one parser mutated inputs until the time is over. Each input is left in
/// `fuzz-TARGET.input` before it is tried, so that what made the program trap is there afterwards.
/// `berth-fuzz TARGET FILE` tries one input again; `berth-fuzz` lists the targets.
@main enum Main {
    static func main() {
        let words = CommandLine.arguments
        guard words.count >= 3, let target = FuzzTarget.all.first(where: { $0.name == words[1] }) else {
            for target in FuzzTarget.all { print(target.name) }
            exit(words.count == 1 ? 0 : 2)
        }
        guard let seconds = Int(words[2]) else { return again(target, words[2]) }
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let end = time.tv_sec + seconds
        var seed = words.count > 3 ? UInt64(words[3]) ?? 1 : UInt64(time.tv_nsec)
        let path = "fuzz-\(target.name).input"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { exit(2) }
        var count = 0
        while time.tv_sec < end {
            for _ in 0..<500 {
                var mutator = Mutator(seed: seed)
                let input = mutator.input(from: target.seeds)
                _ = input.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
                ftruncate(file, off_t(input.count))
                target.run(input)
                seed &+= 1
                count += 1
            }
            clock_gettime(CLOCK_MONOTONIC, &time)
        }
        unlink(path)
        print("\(target.name): \(count) inputs, no crash")
    }

    private static func again(_ target: FuzzTarget, _ path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = read(file, &bytes, bytes.count)
        guard file >= 0, count >= 0 else { exit(2) }
        target.run(Array(bytes[..<count]))
        print("\(target.name): no crash")
    }
}
