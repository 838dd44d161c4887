/// Turns device rules into writes for the version 1 `devices` controller.
///
/// That controller (admin-guide/cgroup-v1/devices) has a default and a set of exceptions, merged by equal device. It
/// takes no hole: denying one device under an allowed wildcard is accepted and does nothing. Such rule lists are told
/// apart here, so that they are refused (or given to eBPF) instead of being weaker than they look.
enum Version1Devices {
    struct Write: Equatable {
        var allow: Bool
        var value: String
    }

    /// The writes, in order, that leave exactly the meaning of `rules`; nil when the controller cannot express them.
    static func writes(_ rules: [DeviceRule]) -> [Write]? {
        if rules.isEmpty { return [] }
        var allowsByDefault = false
        var exceptions: [DeviceRule] = []
        for rule in DeviceFilter.effective(rules) {
            if rule.isTotal {
                allowsByDefault = rule.allow
                exceptions = []
                continue
            }
            // In this controller "a" with anything behind it still means everything.
            let kinds: [DeviceRule.Kind] = rule.kind == .all ? [.character, .block] : [rule.kind]
            for kind in kinds {
                var single = rule
                single.kind = kind
                if single.allow != allowsByDefault {
                    add(single, to: &exceptions)
                } else if !remove(single, from: &exceptions) {
                    return nil
                }
            }
        }
        return [Write(allow: allowsByDefault, value: "a")]
            + exceptions.map { Write(allow: !allowsByDefault, value: text($0)) }
    }

    private static func add(_ rule: DeviceRule, to exceptions: inout [DeviceRule]) {
        if let index = exceptions.firstIndex(where: { same($0, rule) }) {
            exceptions[index].access.formUnion(rule.access)
        } else {
            exceptions.append(rule)
        }
    }

    /// Takes the rule's bits out of every exception it covers; false when it covers one only in part.
    private static func remove(_ rule: DeviceRule, from exceptions: inout [DeviceRule]) -> Bool {
        for index in exceptions.indices {
            let exception = exceptions[index]
            guard overlap(exception, rule), !exception.access.isDisjoint(with: rule.access) else { continue }
            guard covers(rule.major, exception.major), covers(rule.minor, exception.minor) else { return false }
            exceptions[index].access.subtract(rule.access)
        }
        exceptions.removeAll { $0.access.isEmpty }
        return true
    }

    private static func same(_ a: DeviceRule, _ b: DeviceRule) -> Bool {
        a.kind == b.kind && a.major == b.major && a.minor == b.minor
    }

    private static func overlap(_ a: DeviceRule, _ b: DeviceRule) -> Bool {
        a.kind == b.kind && (covers(a.major, b.major) || covers(b.major, a.major))
            && (covers(a.minor, b.minor) || covers(b.minor, a.minor))
    }

    private static func covers(_ wide: UInt32?, _ narrow: UInt32?) -> Bool { wide == nil || wide == narrow }

    private static func text(_ rule: DeviceRule) -> String {
        let major = rule.major.map { "\($0)" } ?? "*"
        let minor = rule.minor.map { "\($0)" } ?? "*"
        return "\(rule.kind.rawValue) \(major):\(minor) \(rule.access.letters)"
    }
}
