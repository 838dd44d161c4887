import CommandLine
import ContainerNetwork

/// `-p` and `--expose`; the grammar is ``ContainerNetwork/PortRequest/parse(_:)``.
enum PortFlags {
    static func publish(_ text: String) throws(ValueError) -> [PortRequest] {
        do throws(PortSyntaxError) { return try PortRequest.parse(text) } catch {
            throw ValueError(printable(error.description))
        }
    }

    static func expose(_ text: String) throws(ValueError) -> [String] {
        do throws(PortSyntaxError) { return try PortRequest.exposed(text) } catch {
            throw ValueError(printable(error.description))
        }
    }
}
