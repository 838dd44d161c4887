import Dispatch
import Glibc
import LinuxKernel
import Testing

/// Runs a scenario in network namespaces of its own (`Tests/Support/network-host.sh`), without blocking the other tests.
enum HostScript {
    /// The directory the test program was built into, where NetworkProbe lies too.
    static let products: String = {
        let path = (try? Files.readLink("/proc/self/exe"))?.description ?? ""
        return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }()

    static let support: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/Support"
    }()

    /// Runs the script; every `FAIL` line it prints is an issue of the calling test.
    static func run(_ script: String, seconds: Int = 900, location: SourceLocation = #_sourceLocation) async {
        // How often random tests run, and their seed, as the whole suite's environment says.
        let settings = ["BERTH_TEST_SCALE", "BERTH_TEST_SEED"].map { name in
            "\(name)=\(getenv(name).map { String(cString: $0) }.flatMap(Double.init).map { "\($0)" } ?? "")"
        }
        let text = """
            \(settings.joined(separator: " "))
            PROBE=\(products)/NetworkProbe FRAMES=\(support)/frames.py
            . \(support)/network-host.sh
            \(script)
            """
        let result = await shell(text, seconds: seconds)
        guard let result else {
            Issue.record("the script did not end within \(seconds) s", sourceLocation: location)
            return
        }
        let output = String(decoding: result.output + result.errorOutput, as: UTF8.self)
        for line in output.split(separator: "\n") where line.hasPrefix("FAIL") {
            Issue.record("\(line)", sourceLocation: location)
        }
        #expect(result.status == 0, "\(output)", sourceLocation: location)
        #expect(output.contains("ok: "), "the script checked nothing: \(output)", sourceLocation: location)
    }

    private static func shell(_ text: String, seconds: Int) async -> ChildProcess.Result? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                // `timeout` lets the script clean up; the limit behind it is for a script that cannot.
                let result = try? ChildProcess.run(
                    "/usr/bin/timeout", ["-k", "20", "\(seconds)", "/bin/bash", "-c", text], outputLimit: 4 << 20,
                    timeLimit: (seconds + 30) * 1000)
                continuation.resume(returning: result?.status == 124 ? nil : result)
            }
        }
    }
}
