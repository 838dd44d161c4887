import CommandLine
import ContainerRuntime
import JSON
import LinuxKernel

/// `events`.
enum EventsVerb: RuntimeVerb {
    static let command = Command(
        "events", identifier: "events", summary: "Print what a container uses, and when its memory runs out",
        usage: "[OPTIONS] CONTAINER", operands: .exactly(1),
        flags: {
            [
                Flag(
                    "interval", nil, .duration, "Time between two readings", default: "5s",
                    check: { value throws(ValueError) in
                        guard try TimeSpan.parse(value) > 0 else { throw ValueError("it is not above 0") }
                    }),
                Flag("stats", nil, .boolean, "Print one reading and end"),
            ]
        })

    static func run(_ invocation: Invocation, _ settings: RuntimeSettings) throws -> Int32 {
        let containers = try settings.containers()
        if invocation.flags.flag("stats") {
            print(try containers.statistics(invocation.container))
            return 0
        }
        let interval = (invocation.flags.nanoseconds("interval") ?? 5_000_000_000) / 1_000_000
        try containers.events(invocation.container, milliseconds: Int(clamping: max(1, interval)), print)
        return 0
    }

    private static func print(_ event: JSONValue) { writeText(event.text() + "\n", to: 1) }
}
