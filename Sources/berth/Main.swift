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
        default:
            if let place = ArgumentBytes.firstThatIsNoText() {
                writeText(
                    "berth: argument \(place) is not UTF-8 text, and nothing is done with what it might have meant\n", to: 2)
                exit(125)
            }
            let status = ProgramExecution.run(rest)
            if status == 0, let failure = StandardOutput.failure {
                writeText("berth: cannot write to standard output: \(failure)\n", to: 2)
                exit(1)
            }
            exit(status)
        }
    }
}
