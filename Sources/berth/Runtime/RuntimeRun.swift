import ContainerRuntime
import ControlGroups
import Glibc
import LinuxKernel

/// `berth-runtime run`: a bundle in the foreground.
enum RuntimeRun {
    static func run(id: String, bundlePath: String) -> Int32 {
        do {
            let bundle = try Bundle(path: bundlePath)
            let request = try bundle.request(id: id, seccompCache: "/run/berth/seccomp")
            defer { try? request.controlGroup?.remove() }
            var container = try Launcher(request).launch()
            try container.start()
            return try container.process.wait().code
        } catch {
            writeText("berth-runtime: \(error)\n", to: 2)
            return 1
        }
    }
}
