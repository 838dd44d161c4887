/// Turns version 1 weights into version 2 weights.
public enum CPUWeight {
    /// The `cpu.weight` (1…10000) that stands for `cpu.shares` (2…262144).
    ///
    /// Both ends meet, and the usual 1024 becomes the usual 100, which a straight line would make 39. The curve through
    /// the three points is that of the OCI community: 10^((l² + 125 l)/612 − 7/34) with l = log2(shares), rounded up.
    public static func weight(shares: UInt64) -> UInt64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let log = log2(Double(shares))
        let exponent = (log * log + 125 * log) / 612 - 7.0 / 34
        let weight = power10(exponent)
        // 1024 gives 100.00000000000001 or 99.99…: a hair's width must not round up to the next whole number.
        return UInt64((weight - 1e-9 * weight).rounded(.up))
    }

    /// The `io.weight` (1…10000) that stands for a block IO weight (10…1000).
    public static func ioWeight(_ weight: UInt64) -> UInt64 {
        let clamped = min(max(weight, 10), 1000)
        return 1 + (clamped - 10) * 9999 / 990
    }

    // Without the C mathematics library: the exponent of a Double is its whole logarithm; the fraction by squaring.
    private static func log2(_ value: Double) -> Double {
        var result = Double(value.exponent)
        var rest = value.significand
        var bit = 0.5
        for _ in 0..<52 {
            rest *= rest
            if rest >= 2 {
                rest /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }

    private static func power10(_ exponent: Double) -> Double {
        let natural = exponent * 2.302_585_092_994_046
        // e^x by its series after halving x until it converges fast.
        let halvings = 10
        let small = natural / 1024
        var term = 1.0
        var sum = 1.0
        for index in 1...20 {
            term *= small / Double(index)
            sum += term
        }
        for _ in 0..<halvings { sum *= sum }
        return sum
    }
}
