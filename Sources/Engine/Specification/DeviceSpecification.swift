import LinuxKernel
import OCI

/// Turns devices of the host into nodes and rules of the specification.
struct DeviceSpecification {
    private(set) var nodes: [RuntimeDevice] = []
    private(set) var rules: [RuntimeDeviceRule] = []

    init(_ extras: ContainerExtras) throws(EngineError) {
        if extras.isPrivileged {
            rules.append(RuntimeDeviceRule(allow: true))
            // What the container has of its own anyway, and what is no device.
            let own: Set = [
                "console", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
                "tty", "urandom", "zero", "core", "net",
            ]
            addDirectory("/dev", "/dev", access: "rwm", except: own)
            return
        }
        for device in extras.devices {
            let status = try attempt("gather device information for", device.source) { () throws(Errno) in
                try Files.status(device.source, followLink: true)
            }
            if status.kind == .directory {
                addDirectory(device.source, device.destination, access: device.access, except: [])
                continue
            }
            guard add(status, device.destination, access: device.access) else {
                throw EngineError("\(device.source) is not a device")
            }
        }
        for text in extras.deviceRules {
            guard let rule = Self.rule(text) else { throw EngineError("invalid device cgroup rule: '\(text)'") }
            rules.append(rule)
        }
    }

    private mutating func add(_ status: FileStatus, _ path: String, access: String) -> Bool {
        guard status.kind == .characterDevice || status.kind == .blockDevice else { return false }
        let type = status.kind == .characterDevice ? "c" : "b"
        let (major, minor) = status.deviceNumber
        nodes.append(
            RuntimeDevice(
                type: type, path: path, major: Int64(major), minor: Int64(minor), fileMode: status.permissions))
        rules.append(
            RuntimeDeviceRule(allow: true, type: type, major: Int64(major), minor: Int64(minor), access: access))
        return true
    }

    private mutating func addDirectory(_ source: String, _ target: String, access: String, except: Set<String>) {
        guard let directory = try? Files.open(source, [.readOnly, .directory]),
            let entries = try? directory.directoryEntries()
        else { return }
        for name in entries.map(\.name.description).sorted() where !except.contains(name) {
            guard let status = try? Files.status("\(source)/\(name)") else { continue }
            if status.kind == .directory {
                addDirectory("\(source)/\(name)", "\(target)/\(name)", access: access, except: [])
            } else {
                _ = add(status, "\(target)/\(name)", access: access)
            }
        }
    }

    /// `c 1:3 rwm`, `b 8:* r`, `a *:* rwm`; nil for anything else.
    static func rule(_ text: String) -> RuntimeDeviceRule? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, ["a", "b", "c"].contains(words[0]) else { return nil }
        let numbers = words[1].split(separator: ":", omittingEmptySubsequences: false)
        guard numbers.count == 2, isAccess(String(words[2])) else { return nil }
        func number(_ text: Substring) -> Int64?? {
            if text == "*" { return .some(nil) }
            guard let value = UInt32(text), text.utf8.first != UInt8(ascii: "+") else { return nil }
            return .some(Int64(value))
        }
        guard let major = number(numbers[0]), let minor = number(numbers[1]) else { return nil }
        return RuntimeDeviceRule(
            allow: true, type: String(words[0]), major: major, minor: minor, access: String(words[2]))
    }

    /// Each of `r`, `w`, `m` at most once, at least one of them.
    static func isAccess(_ text: String) -> Bool {
        let letters = Array(text.utf8)
        return (1...3).contains(letters.count) && Set(letters).count == letters.count
            && Set(letters).isSubset(of: Array("rwm".utf8))
    }

    /// Rates and weights of block devices.
    static func blockIO(_ extras: ContainerExtras) throws(EngineError) -> RuntimeBlockIO? {
        if extras.blockWeight == nil, extras.rates.isEmpty { return nil }
        var result = RuntimeBlockIO()
        result.weight = extras.blockWeight
        for rate in extras.rates {
            let status = try attempt("look at", rate.device) { () throws(Errno) in
                try Files.status(rate.device, followLink: true)
            }
            guard status.kind == .blockDevice else { throw EngineError("\(rate.device) is not a block device") }
            let major = Int64(status.deviceNumber.major), minor = Int64(status.deviceNumber.minor)
            let throttle = RuntimeThrottle(major: major, minor: minor, rate: rate.value)
            switch rate.kind {
            case "device-read-bps": result.throttleReadBps.append(throttle)
            case "device-write-bps": result.throttleWriteBps.append(throttle)
            case "device-read-iops": result.throttleReadIOPS.append(throttle)
            case "device-write-iops": result.throttleWriteIOPS.append(throttle)
            default: result.weightDevices.append((major, minor, UInt16(clamping: rate.value), nil))
            }
        }
        return result
    }
}

extension Engine {
    /// Whether a text is a line of the devices' allow list, such as `c 1:3 rwm`.
    public static func isDeviceRule(_ text: String) -> Bool { DeviceSpecification.rule(text) != nil }

    /// Whether a text says how a device may be used: some of `r`, `w`, `m`.
    public static func isDeviceAccess(_ text: String) -> Bool { DeviceSpecification.isAccess(text) }
}
