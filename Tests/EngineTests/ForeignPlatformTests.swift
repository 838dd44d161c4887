import OCI
import Testing

@testable import Engine

@Suite struct ForeignPlatformTests {
    private let qemu = Array(
        "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
            .utf8)
    private let big = Array("enabled\nmagic 7f454c4602020100000000000000000000020016\n".utf8)

    @Test func handlers() {
        #expect(ForeignPlatform.machine(ofHandler: qemu) == 183 && ForeignPlatform.machine(ofHandler: big) == 22)
        for text in [
            "", "enabled", "disabled\nmagic 7f454c460201010000000000000000000200b700", "enabled\nmagic 7f45",
            "enabled\nmagic zz", "enabled\nextension .py",
        ] {
            #expect(ForeignPlatform.machine(ofHandler: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func sentences() {
        let arm = Platform(os: "linux", architecture: "arm64"), amd = Platform(os: "linux", architecture: "amd64")
        func said(_ platform: Platform, _ handlers: [[UInt8]]) -> String {
            ForeignPlatform.explained("exec format error", platform: platform, host: amd, handlers: handlers)
        }
        #expect(said(amd, []) == "exec format error" && said(arm, [big, qemu]) == "exec format error")
        #expect(
            said(arm, [big]).hasPrefix("exec format error; the image is for linux/arm64, this machine is linux/amd64"))
    }
}
