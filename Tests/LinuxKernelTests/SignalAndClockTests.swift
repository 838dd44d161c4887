import LinuxKernel
import Testing

@Suite struct SignalAndClockTests {
    @Test func signalNames() {
        #expect(Signals.number("TERM") == 15)
        #expect(Signals.number("sigkill") == 9)
        #expect(Signals.number("9") == 9)
        #expect(Signals.number("SIGRTMIN+3") == 37)
        #expect(Signals.number("RTMAX-1") == 63)
        for text in ["", "0", "65", "-1", "SIG", "FOO", "RTMIN+31", "15x"] { #expect(Signals.number(text) == nil) }
    }

    @Test func clockTexts() throws {
        #expect(WallClock.text(seconds: 0, nanoseconds: 0) == "1970-01-01T00:00:00Z")
        #expect(WallClock.text(seconds: 951_827_696, nanoseconds: 120_000_000) == "2000-02-29T12:34:56.12Z")
        #expect(WallClock.text(seconds: 4_102_444_799, nanoseconds: 1) == "2099-12-31T23:59:59.000000001Z")
        for seconds in stride(from: Int64(0), to: 4_000_000_000, by: 86_399_999) {
            let parsed = try #require(WallClock.parse(WallClock.text(seconds: seconds, nanoseconds: 7)))
            #expect(parsed == (seconds, 7))
        }
        #expect(WallClock.parse("yesterday") == nil)
        #expect(WallClock.parse("2026-13-01T00:00:00Z") == nil)
    }

    @Test func capabilityNames() {
        #expect(CapabilitySet(name: "net_raw") == CapabilitySet(name: "CAP_NET_RAW"))
        #expect(CapabilitySet(name: "CAP_CHOWN")?.rawValue == 1)
        #expect(CapabilitySet(name: "CAP_CHECKPOINT_RESTORE")?.rawValue == 1 << 40)
        #expect(CapabilitySet(name: "CAP_NONSENSE") == nil)
        #expect(CapabilitySet.all.memberNames.count == 41)
    }
}
