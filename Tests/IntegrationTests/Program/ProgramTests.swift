import TestSupport
import Testing

/// The static program itself.
@Suite struct ProgramTests {
    @Test func theMonitorIsTheProgramByAnotherName() async throws {
        for (name, file) in [("berth", "berth"), ("berth-monitor", "berth"), ("berth-runtime", "berth-runtime")] {
            #expect(try await shell("readlink -f \(Repository.programs)/\(name)").text.hasSuffix("/\(file)"))
        }
    }

    @Test func isAStaticPositionIndependentExecutable() async throws {
        let header = try await shell("readelf -h -l -d \(Repository.program)")
        #expect(header.out.contains("DYN (Position-Independent Executable file)"), "\(header.out)")
        #expect(!header.out.contains("INTERP"))
        #expect(!header.out.contains("(NEEDED)"))
        #expect(try await shell("readelf -S \(Repository.program)").out.contains(".symtab") == false)
    }

    @Test func hasNoFoundation() async throws {
        let unstripped = Repository.path + "/.build-static/release/berth"
        if exists(unstripped) {
            let symbols = try await shell("nm -C \(unstripped) | grep -c -E 'Foundation|CFString|_CFRuntime'")
            #expect(symbols.text == "0")
            // The check can fail: there are symbols at all, and Swift's are among them.
            #expect(Int(try await shell("nm -C \(unstripped) | grep -c 'Engine'").text) ?? 0 > 10)
        }
        #expect(
            try await shell(
                "grep -a -c -E 'FoundationEssentials|libFoundation|_CFRuntime|NSURLSession' \(Repository.program)"
            ).text == "0")
    }

    @Test func startsWithOneThread() async throws {
        try await withEngine { engine in
            try await engine.start("--name", "cc", base, "sleep", "100")
            let monitor = try await engine.monitor("cc")
            #expect(list("/proc/\(monitor)/task").count == 1)
        }
    }
}
