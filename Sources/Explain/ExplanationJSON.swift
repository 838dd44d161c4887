import ControlGroups
import JSON
import LinuxKernel
import Netlink

extension Explanation {
    /// For programs: everything, with numbers as numbers. Absent means unknown or none.
    public var json: JSONValue {
        var object = JSONObject()
        object["Name"] = name.map { .string($0) }
        object["Process"] = process.json
        object["Namespaces"] = .array(namespaces.map(\.json))
        object["UserMapping"] = [
            "Identity": .bool(users.isIdentity), "Users": .array(users.users.map(\.json)),
            "Groups": .array(users.groups.map(\.json)),
        ]
        object["ControlGroups"] = .array(groups.map(\.json))
        object["Root"] = root?.json ?? .null
        object["Mounts"] = .array(mounts.map(\.json))
        object["Network"] = network.json
        object["Security"] = security.json
        object["Differences"] = .array(
            differences.map { ["What": .string($0.what), "Asked": .string($0.asked), "Found": .string($0.found)] })
        return .object(object)
    }
}

extension ContainerIdentity {
    var json: JSONValue {
        ["Engine": .string(engine), "ID": .string(id), "IsMonitor": .bool(isMonitor)]
    }
}

extension ProcessPart {
    var json: JSONValue {
        var object = JSONObject([
            ("PID", JSONValue(pid)), ("NamespacePIDs", .array(numbers.map { JSONValue($0) })), ("Name", .string(name)),
            ("Arguments", JSONValue(arguments)), ("State", .string(state)), ("Threads", JSONValue(threads)),
        ])
        object["Executable"] = executable.map { .string($0) }
        object["User"] = user.map { JSONValue($0) }
        object["Group"] = group.map { JSONValue($0) }
        object["ResidentBytes"] = residentBytes.map { JSONValue($0) }
        object["StartTicks"] = startTime.map { JSONValue($0) }
        object["Container"] = identity?.json
        return .object(object)
    }
}

extension UserPart.Range {
    var json: JSONValue {
        ["Inside": JSONValue(inside), "Outside": JSONValue(outside), "Count": JSONValue(count)]
    }
}

extension NamespacePart {
    var json: JSONValue {
        var object = JSONObject([("Kind", .string(kind)), ("Host", .bool(isHost))])
        object["Inode"] = inode.map { JSONValue($0) }
        if !isHost {
            object["OwnProcesses"] = JSONValue(ownProcesses)
            object["SharedWith"] = .array(
                others.map { ["Name": .string($0.name), "Processes": JSONValue($0.processes)] })
        }
        return .object(object)
    }
}

extension GroupPart {
    var json: JSONValue {
        var object = JSONObject([
            ("Hierarchy", .string(hierarchy)), ("Version", JSONValue(isUnified ? 2 : 1)), ("Path", .string(path)),
        ])
        object["Directory"] = directory.map { .string($0) }
        if !reason.isEmpty { object["Unreadable"] = .string(reason) }
        object["Limits"] = .array(limits.map(\.json))
        object["LimitsAbove"] = .array(above.map(\.json))
        object["Pressure"] = .object(
            JSONObject(
                pressure.map { entry in
                    func share(_ some: Double, _ total: UInt64) -> JSONValue {
                        ["Percent10Seconds": .double(some), "TotalMicroseconds": JSONValue(total)]
                    }
                    return (
                        entry.resource,
                        [
                            "Some": share(entry.pressure.some.average10, entry.pressure.some.total),
                            "Full": share(entry.pressure.full.average10, entry.pressure.full.total),
                        ]
                    )
                }))
        object["Notes"] = JSONValue(notes)
        return .object(object)
    }
}

extension GroupLimit {
    var json: JSONValue {
        var object = JSONObject([
            ("Name", .string(name)), ("File", .string(file)), ("Unit", .string(unit.rawValue)), ("Text", .string(text)),
        ])
        object["Group"] = group.map { .string($0) }
        object["Limit"] = limit.map { JSONValue($0) }
        object["Use"] = use.map { JSONValue($0) }
        object["Peak"] = peak.map { JSONValue($0) }
        object["Reached"] = reached.map { JSONValue($0) }
        return .object(object)
    }
}

extension RootPart {
    var json: JSONValue {
        var object = JSONObject([
            ("Type", .string(type)), ("Source", .string(source)), ("ReadOnly", .bool(isReadOnly)),
            ("Volatile", .bool(isVolatile)), ("Layers", .array(layers.map(\.json))),
        ])
        object["Upper"] = upper?.json
        return .object(object)
    }
}

extension RootPart.Layer {
    var json: JSONValue {
        var object = JSONObject([
            ("PathFromRecord", .bool(isFromRecord)), ("Entries", JSONValue(entries)), ("CutShort", .bool(isCutShort)),
            ("SharedWith", JSONValue(sharedWith)),
        ])
        object["Path"] = path.map { .string($0) }
        object["Bytes"] = bytes.map { JSONValue($0) }
        return .object(object)
    }
}

extension MountEntry {
    var json: JSONValue {
        [
            "ID": JSONValue(id), "Parent": JSONValue(parent), "Device": .string(device), "Root": .string(root),
            "Destination": .string(mountPoint), "Type": .string(type), "Source": .string(source),
            "Options": JSONValue(options), "Propagation": JSONValue(propagation),
            "FileSystemOptions": JSONValue(superOptions.map { KernelText.text($0) }),
        ]
    }
}

extension NetworkPart {
    var json: JSONValue {
        [
            "Host": .bool(isHost), "Interfaces": .array(interfaces.map(\.json)),
            "Listeners": .array(listeners.map(\.json)),
            "Published": .array(
                ways.map { way in
                    var object = JSONObject([
                        ("By", .string(way.by)), ("Protocol", .string(way.proto)),
                        ("HostAddress", .string(way.hostAddress.description)), ("HostPort", JSONValue(way.hostPort)),
                        ("Address", .string(way.address.description)), ("Port", JSONValue(way.port)),
                    ])
                    if let interface = interface(with: way.address) {
                        object["Interface"] = .string(interface.name)
                        object["HostEnd"] = interface.hostEnd.map { .string($0) }
                        object["Bridge"] = interface.bridge.map { .string($0) }
                    }
                    object["Listener"] = listener(of: way)?.json
                    return .object(object)
                }),
            "Gaps": JSONValue(gaps),
        ]
    }
}

extension NetworkPart.Interface {
    var json: JSONValue {
        var object = JSONObject([
            ("Index", JSONValue(index)), ("Name", .string(name)), ("Up", .bool(isUp)),
            ("MacAddress", .string(macAddress)),
            ("Addresses", JSONValue(addresses.map(\.description))),
        ])
        object["Kind"] = kind.map { .string($0) }
        object["HostEnd"] = hostEnd.map { .string($0) }
        object["Bridge"] = bridge.map { .string($0) }
        return .object(object)
    }
}

extension NetworkPart.Listener {
    var json: JSONValue {
        var object = JSONObject([
            ("Protocol", .string(socket.proto)), ("Address", .string(socket.address.description)),
            ("Port", JSONValue(socket.port)), ("Inode", JSONValue(socket.inode)),
        ])
        object["PID"] = pid.map { JSONValue($0) }
        object["Process"] = process.map { .string($0) }
        return .object(object)
    }
}

extension SecurityPart {
    var json: JSONValue {
        func list(_ set: UInt64) -> JSONValue { JSONValue(names(set, known: CapabilitySet.names)) }
        var object = JSONObject([
            (
                "Capabilities",
                [
                    "Effective": list(effective), "Permitted": list(permitted), "Inheritable": list(inheritable),
                    "Bounding": list(bounding), "Ambient": list(ambient), "Dropped": list(dropped),
                ]
            ), ("Seccomp", .string(seccompMode)),
        ])
        object["SeccompFilters"] = seccompFilters.map { JSONValue($0) }
        object["NoNewPrivileges"] = noNewPrivileges.map { .bool($0) }
        object["Label"] = label.map { .string($0) }
        object["LabelOf"] = module.map { .string($0) }
        return .object(object)
    }
}
