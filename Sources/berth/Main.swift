import Glibc
import LinuxKernel

/// One program under two names, told apart by the name it is called by.
@main
enum Main {
    static func main() {
        ProcessControl.openMissingStandardStreams()
        let words = Swift.CommandLine.arguments
        let name = words.first.flatMap { $0.split(separator: "/").last.map(String.init) } ?? "berth"
        let rest = Array(words.dropFirst())
        switch name {
        case "berth-monitor":
            writeText("berth-monitor is started by berth for each container; there is nothing to start by hand\n", to: 2)
            exit(125)
        default: exit(ProgramExecution.run(rest))
        }
    }
}
