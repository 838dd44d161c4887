import ContainerRuntime
import Engine
import ContainerNetwork
import Glibc
import ImageStore
import JSON
import LinuxKernel
import OCI

@main
enum Main {
    static func main() {
        var a = Array(Swift.CommandLine.arguments.dropFirst())
        do {
            if a.first == "rt" {
                let c = try RuntimeContainers(root: "/run/berth-runtime")
                exit(try c.run(a[1], RuntimeContainers.CreateOptions(bundle: a[2])))
            }
            var root: String?
            if a.first == "--root" { root = a[1]; a.removeFirst(2) }
            let e = try Engine(root: root)
            switch a[0] {
            case "import":
                let i = try e.images.importRootfs(archive: Files.open(a[1], .readOnly), reference: try Reference(parsing: a[2]))
                print(i.id)
            case "run":
                a.removeFirst()
                var r = ContainerRequest(image: "")
                var detach = false
                while let f = a.first, f.hasPrefix("-") {
                    a.removeFirst()
                    switch f {
                    case "--rm": r.autoRemove = true
                    case "-d": detach = true
                    case "-i": r.interactive = true
                    case "-t": r.terminal = true
                    case "-it": r.interactive = true; r.terminal = true
                    case "--name": r.name = a.removeFirst()
                    case "-m": r.limits.memory = Int64(a.removeFirst())! << 20; r.limits.memorySwap = r.limits.memory
                    case "--cpus": r.limits.nanoCPUs = Int64(Double(a.removeFirst())! * 1e9)
                    case "--pids-limit": r.limits.pids = Int64(a.removeFirst())!
                    case "-n": r.network = a.removeFirst()
                    case "-u": r.user = a.removeFirst()
                    case "-p": r.ports.append(contentsOf: try PortRequest.parse(a.removeFirst()))
                    case "--init": r.usesInit = true
                    case "--userns=host": r.usesHostUsers = true
                    case "-v":
                        let p = a.removeFirst().split(separator: ":").map(String.init)
                        r.mounts.append(.init(source: p[0].hasPrefix("/") ? .path(p[0], makesMissing: true) : .volume(p[0]), destination: p[1]))
                    default: print("?", f); exit(1)
                    }
                }
                r.image = a.removeFirst()
                r.arguments = a
                let c = try e.create(r)
                if detach { print(c.record.id); try e.startDetached(c) } else { exit(try e.runAttached(c)) }
            case "ps":
                for (r, s) in try e.list() { print(r.id.prefix(12), r.name, s.status, s.exitCode, s.oomKilled, s.error, s.address, r.arguments) }
            case "exec":
                var o = ExecRequestOptions(arguments: Array(a[2...]))
                if o.arguments.first == "-it" { o.arguments.removeFirst(); o.terminal = true; o.interactive = true }
                exit(try e.exec(a[1], o))
            case "stop": try e.stop(a[1])
            case "kill": try e.kill(a[1], signal: 9)
            case "wait": print(try e.wait(a[1]))
            case "rm": try e.remove(a[1], force: true, volumes: true)
            case "inspect": print(try e.inspection(a[1]).text(indent: 4))
            case "logs": try e.logs(a[1], follow: a.count > 2, tail: nil) { writeText(String(decoding: $0.text, as: UTF8.self), to: 1); return true }
            case "reset": try e.networks.removeAll()
            default: print("?")
            }
        } catch let error as EngineError {
            writeText("berth: \(error)\n", to: 2)
            exit(error.exitCode)
        } catch {
            writeText("berth: \(error)\n", to: 2)
            exit(1)
        }
    }
}
