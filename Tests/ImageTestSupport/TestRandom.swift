import Glibc

/// Random numbers that can be had again: the seed is printed, and `BERTH_TEST_SEED` sets it (SplitMix64).
public struct TestRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Makes one of its parts.
    public init(_ test: String = #function) {
        let given = getenv("BERTH_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
        state = given ?? .random(in: 0...UInt64.max)
        print("\(test): BERTH_TEST_SEED=\(state)")
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// How much more than usual random and repeated tests do (`BERTH_TEST_SCALE`).
public let testScale = getenv("BERTH_TEST_SCALE").flatMap { Int(String(cString: $0)) } ?? 1
