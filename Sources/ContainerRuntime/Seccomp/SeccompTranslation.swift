import LinuxKernel
import OCI

extension SeccompProfile {
    /// Reads the specification's terms (config-linux.md, "Seccomp").
    init(_ configuration: RuntimeSeccomp) throws(RuntimeError) {
        func invalid(_ what: String) -> RuntimeError { RuntimeError("read seccomp profile", "", cause: what) }
        func action(_ name: String, _ errno: UInt16?) throws(RuntimeError) -> Action {
            if errno != nil, name != "SCMP_ACT_ERRNO", name != "SCMP_ACT_TRACE" {
                throw invalid("action \(name) takes no errnoRet")
            }
            switch name {
            case "SCMP_ACT_ALLOW": return .allow
            case "SCMP_ACT_ERRNO": return .errno(errno ?? 1)
            case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
            case "SCMP_ACT_KILL_PROCESS": return .killProcess
            case "SCMP_ACT_TRAP": return .trap
            case "SCMP_ACT_TRACE": return .trace(errno ?? 1)
            case "SCMP_ACT_LOG": return .log
            case "SCMP_ACT_NOTIFY": return .notify
            default: throw invalid("action \(name) is unknown")
            }
        }
        let comparisons: [String: Comparison] = [
            "SCMP_CMP_NE": .notEqual, "SCMP_CMP_LT": .less, "SCMP_CMP_LE": .lessOrEqual, "SCMP_CMP_EQ": .equal,
            "SCMP_CMP_GE": .greaterOrEqual, "SCMP_CMP_GT": .greater, "SCMP_CMP_MASKED_EQ": .maskedEqual,
        ]
        self.init(defaultAction: try action(configuration.defaultAction, configuration.defaultErrnoRet))
        // Then nothing could be done that hands the listener over, or ends the process.
        guard defaultAction != .notify else { throw invalid("SCMP_ACT_NOTIFY cannot be the default action") }
        for name in configuration.architectures {
            guard name.hasPrefix("SCMP_ARCH_") else { throw invalid("architecture \(name) is unknown") }
            let short = name.dropFirst(10).lowercased()
            architectures.append(short)
        }
        for rule in configuration.syscalls {
            let action = try action(rule.action, rule.errnoRet)
            guard !rule.names.isEmpty else { throw invalid("a rule names no system call") }
            var conditions = [Condition]()
            for argument in rule.args {
                guard argument.index < 6, let comparison = comparisons[argument.op] else {
                    throw invalid("condition \(argument.op) on argument \(argument.index) is unknown")
                }
                conditions.append(
                    Condition(
                        argument: argument.index, comparison: comparison, value: argument.value,
                        valueTwo: argument.valueTwo))
            }
            // libseccomp joins conditions with "and"; several conditions on one argument mean "or" to every runtime.
            if Set(conditions.map(\.argument)).count == conditions.count {
                rules.append(Rule(names: rule.names, action: action, conditions: conditions))
            } else {
                for condition in conditions {
                    rules.append(Rule(names: rule.names, action: action, conditions: [condition]))
                }
            }
        }
    }

    /// A text that two profiles share only when they are equal: the key of the cache.
    var canonicalText: String {
        func text(_ action: Action) -> String { "\(action)" }
        var lines = ["v1 \(text(defaultAction)) \(architectures.joined(separator: ","))"]
        for rule in rules {
            let conditions = rule.conditions.map {
                "\($0.argument)\($0.comparison.rawValue):\($0.value):\($0.valueTwo)"
            }
            lines.append(
                "\(rule.names.joined(separator: ",")) \(text(rule.action)) \(conditions.joined(separator: ","))")
        }
        return lines.joined(separator: "\n")
    }
}
