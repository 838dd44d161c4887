import LinuxKernel

/// systemd, asked over its bus to make and end the scopes of containers.
public struct SystemdManager: Sendable {
    private let path: String
    private let isBus: Bool

    private static let destination = "org.freedesktop.systemd1"
    private static let object = "/org/freedesktop/systemd1"
    private static let interface = "org.freedesktop.systemd1.Manager"

    /// Finds systemd: at the address in `DBUS_SYSTEM_BUS_ADDRESS`, at its private socket, or behind the system's bus.
    ///
    /// - Throws: where systemd does not run.
    public init() throws(ControlGroupError) {
        if let address = Caller.variable("DBUS_SYSTEM_BUS_ADDRESS"), !address.isEmpty {
            let prefix = "unix:path="
            guard address.utf8.starts(with: prefix.utf8) else {
                throw ControlGroupError(
                    operation: "find", object: "systemd",
                    cause: "DBUS_SYSTEM_BUS_ADDRESS is not of the form unix:path=FILE")
            }
            let rest = address.utf8.dropFirst(prefix.utf8.count).prefix {
                $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ";")
            }
            path = String(decoding: rest, as: UTF8.self)
            isBus = true
            return
        }
        // The mark that systemd is process 1 (sd_booted(3)).
        guard Files.exists("/run/systemd/system") else {
            throw ControlGroupError(
                operation: "use", object: "systemd's control groups", cause: "systemd does not run on this machine",
                remedy: "leave --systemd-cgroup out")
        }
        let isPrivate = Caller.userID == 0 && Files.exists("/run/systemd/private")
        path = isPrivate ? "/run/systemd/private" : "/run/dbus/system_bus_socket"
        isBus = !isPrivate
    }

    /// Has systemd make a scope that holds a process, and waits until it exists.
    public func start(
        _ unit: SystemdUnit, id: String, pid: Int32, limits: ResourceLimits, annotations: [String: String],
        isVersion2: Bool
    ) throws(ControlGroupError) {
        let extra = try SystemdAnnotations.properties(annotations)
        let properties = SystemdProperties.start(
            unit, id: id, pid: UInt32(pid), limits: limits, isVersion2: isVersion2, extra: extra)
        try run(
            "make the unit", unit.name, "StartTransientUnit",
            [
                .string(unit.name), .string("replace"), .array(element: "(sv)", properties.map(\.element)),
                .array(element: "(sa(sv))", []),
            ])
    }

    /// Tells systemd of changed limits; what it has no word for is not its business.
    public func update(_ unit: SystemdUnit, limits: ResourceLimits, isVersion2: Bool) throws(ControlGroupError) {
        let properties = SystemdProperties.limits(limits, isVersion2: isVersion2)
        if properties.isEmpty { return }
        do throws(BusError) {
            var bus = try BusConnection.open(path: path, isBus: isBus)
            _ = try bus.call(
                path: Self.object, interface: Self.interface, member: "SetUnitProperties",
                destination: Self.destination,
                [.string(unit.name), .bool(true), .array(element: "(sv)", properties.map(\.element))])
        } catch { throw failure("change the unit", unit.name, error) }
    }

    /// Ends a scope; one that is gone is fine.
    public func stop(_ unit: SystemdUnit) throws(ControlGroupError) {
        do throws(ControlGroupError) {
            try run("end the unit", unit.name, "StopUnit", [.string(unit.name), .string("replace")])
        } catch {
            if error.cause.utf8.reversed().starts(with: "not loaded.".utf8.reversed()) { return }
            throw error
        }
    }

    /// Calls a method that answers with a job, and waits for the job's end.
    private func run(_ operation: String, _ object: String, _ member: String, _ arguments: [BusValue])
        throws(ControlGroupError)
    {
        let result: String
        do throws(BusError) {
            var bus = try BusConnection.open(path: path, isBus: isBus)
            if isBus {
                let rule =
                    "type='signal',sender='\(Self.destination)',interface='\(Self.interface)',member='JobRemoved'"
                _ = try bus.call(
                    path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus", member: "AddMatch",
                    destination: "org.freedesktop.DBus", [.string(rule)])
            }
            // Without a subscriber systemd sends no signals at all.
            _ = try bus.call(
                path: Self.object, interface: Self.interface, member: "Subscribe", destination: Self.destination, [])
            let answer = try bus.call(
                path: Self.object, interface: Self.interface, member: member, destination: Self.destination, arguments)
            guard case .objectPath(let job)? = answer.arguments.first else {
                throw BusError(problem: "it answered without a job")
            }
            let removed = try bus.signal {
                $0.member == "JobRemoved" && $0.arguments.count >= 4 && $0.arguments[1] == .objectPath(job)
            }
            guard case .string(let text) = removed.arguments[3] else {
                throw BusError(problem: "its job ended without a result")
            }
            result = text
        } catch { throw failure(operation, object, error) }
        guard result == "done" else {
            throw ControlGroupError(
                operation: operation, object: object, cause: "systemd says: \(printable(result))",
                remedy: "see journalctl -u \(object)")
        }
    }

    private func failure(_ operation: String, _ object: String, _ error: BusError) -> ControlGroupError {
        ControlGroupError(operation: operation, object: object, cause: "systemd: \(printable(error.problem))")
    }
}
