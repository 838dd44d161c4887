import CommandLine
import FastInflate
import Glibc
import LinuxKernel
import TransferCommands

/// The networked program. `berth` executes it for transfers, with the words that it was given itself.
@main
enum Main {
    static func main() async {
        ProcessControl.openMissingStandardStreams()
        signal(SIGPIPE, SIG_IGN)
        FastInflate.install()
        switch TransferCommands.program.parse(Array(Swift.CommandLine.arguments.dropFirst())) {
        case .help(let text):
            writeText(text, to: 1)
            exit(0)
        case .failure(let error):
            writeText("\(error)", to: 2)
            exit(error.status)
        case .run(let invocation): exit(await NetProgram.run(invocation))
        }
    }
}
