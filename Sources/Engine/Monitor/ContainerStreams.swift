import Glibc
import LinuxKernel

/// The pipes between a container and its monitor.
struct ContainerStreams: ~Copyable {
    /// What becomes 0, 1 and 2 in the container.
    let numbers: (input: Int32, output: Int32, error: Int32)
    /// The monitor's ends.
    var output: SharedDescriptor?
    var errorOutput: SharedDescriptor?
    var input: SharedDescriptor?

    init(_ record: ContainerRecord) throws(EngineError) {
        if record.terminal {
            numbers = (0, 1, 2)
            output = nil
            errorOutput = nil
            input = nil
            return
        }
        let outputPipe = try Self.pipe(), errorPipe = try Self.pipe()
        output = SharedDescriptor(FileDescriptor(owning: outputPipe.read))
        errorOutput = SharedDescriptor(FileDescriptor(owning: errorPipe.read))
        if record.interactive {
            let inputPipe = try Self.pipe()
            input = SharedDescriptor(FileDescriptor(owning: inputPipe.write))
            numbers = (inputPipe.read, outputPipe.write, errorPipe.write)
        } else {
            // 0 is /dev/null in a monitor.
            input = nil
            numbers = (0, outputPipe.write, errorPipe.write)
        }
    }

    private static func pipe() throws(EngineError) -> (read: Int32, write: Int32) {
        var numbers: [Int32] = [-1, -1]
        guard pipe2(&numbers, O_CLOEXEC) == 0 else { throw EngineError("make", "pipe", Errno(rawValue: errno)) }
        return (numbers[0], numbers[1])
    }

    func closeContainerEnds() {
        for number in [numbers.input, numbers.output, numbers.error] where number > 2 { close(number) }
    }
}
