import Glibc
import LinuxKernel
import RuntimeCommands

/// A program of its own beside `berth`, since half of what a start costs is the size of the program that starts.
@main
enum Main {
    static func main() {
        ProcessControl.openMissingStandardStreams()
        exit(RuntimeProgram.run(Array(Swift.CommandLine.arguments.dropFirst())))
    }
}
