/// Changes inputs at random, the same way for the same seed: a finding is found again.
public struct Mutator {
    private var state: UInt64

    /// A mutator that makes the changes of a seed.
    public init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

    /// Numbers that parsers stumble over.
    private static let interesting: [UInt8] = [0, 1, 9, 10, 32, 34, 47, 48, 55, 57, 92, 127, 128, 254, 255]

    /// One input made of the seeds by some changes.
    public mutating func input(from seeds: [[UInt8]]) -> [UInt8] {
        var bytes = seeds.isEmpty ? [] : seeds[below(seeds.count)]
        for _ in 0...below(6) {
            if bytes.isEmpty { bytes = [UInt8(truncatingIfNeeded: next())] }
            let place = below(bytes.count)
            switch below(10) {
            case 0: bytes[place] ^= 1 << UInt8(below(8))
            case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 2: bytes[place] = Self.interesting[below(Self.interesting.count)]
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(16)))
            case 5: bytes.insert(contentsOf: (0...below(16)).map { _ in UInt8(truncatingIfNeeded: next()) }, at: place)
            case 6:
                let end = min(bytes.count, place + 1 + below(64))
                if bytes.count < 1 << 16 { bytes.insert(contentsOf: bytes[place..<end], at: below(bytes.count)) }
            case 7:
                let other = seeds[below(seeds.count)]
                let from = below(other.count)
                if bytes.count < 1 << 16 { bytes.insert(contentsOf: other[from...].prefix(1 + below(512)), at: place) }
            case 8:
                for index in place..<min(bytes.count, place + 1 + below(12)) { bytes[index] = UInt8(48 + below(10)) }
            default:
                let end = min(bytes.count, place + 1 + below(24))
                let fill = Self.interesting[below(Self.interesting.count)]
                for index in place..<end { bytes[index] = fill }
            }
        }
        return bytes
    }
}
