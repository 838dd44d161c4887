import CLinux
import CSeccomp
import Glibc

/// A seccomp profile in the kernel's and libseccomp's terms, before compilation.
public struct SeccompProfile: Sendable, Equatable {
    /// What happens to a system call that a rule matches.
    public enum Action: Sendable, Equatable {
        case allow, log, trap, killThread, killProcess, notify
        case errno(UInt16)
        case trace(UInt16)

        /// libseccomp's number.
        var number: UInt32 {
            switch self {
            case .killProcess: 0x8000_0000
            case .killThread: 0x0000_0000
            case .trap: 0x0003_0000
            case .errno(let number): 0x0005_0000 | UInt32(number)
            case .notify: 0x7fc0_0000
            case .trace(let number): 0x7ff0_0000 | UInt32(number)
            case .log: 0x7ffc_0000
            case .allow: 0x7fff_0000
            }
        }
    }

    /// How an argument is compared.
    public enum Comparison: UInt32, Sendable, Equatable {
        case notEqual = 1, less, lessOrEqual, equal, greaterOrEqual, greater, maskedEqual
    }

    /// One condition on one argument. For `maskedEqual`, `value` is the mask and `valueTwo` what must remain.
    public struct Condition: Sendable, Equatable {
        public var argument: UInt32
        public var comparison: Comparison
        public var value: UInt64
        public var valueTwo: UInt64
        /// A condition on argument 0 to 5.
        public init(argument: UInt32, comparison: Comparison, value: UInt64, valueTwo: UInt64 = 0) {
            self.argument = argument
            self.comparison = comparison
            self.value = value
            self.valueTwo = valueTwo
        }
    }

    /// System calls by name with one action; all conditions must hold.
    public struct Rule: Sendable, Equatable {
        public var names: [String]
        public var action: Action
        public var conditions: [Condition]
        /// A rule.
        public init(names: [String], action: Action, conditions: [Condition] = []) {
            self.names = names
            self.action = action
            self.conditions = conditions
        }
    }

    /// What happens to everything no rule names.
    public var defaultAction: Action
    /// Further architectures beside the machine's own, by libseccomp's names (`x86`, `x32`).
    public var architectures: [String]
    public var rules: [Rule]

    /// A profile.
    public init(defaultAction: Action, architectures: [String] = [], rules: [Rule] = []) {
        self.defaultAction = defaultAction
        self.architectures = architectures
        self.rules = rules
    }
}

/// Why a profile cannot be compiled.
public struct SeccompError: Error, CustomStringConvertible, Sendable {
    /// What failed, with the name concerned.
    public let description: String
}

/// A compiled filter: BPF instructions, ready for `seccomp(2)`.
public struct SeccompFilter: Sendable, Equatable {
    /// `struct sock_filter` records, 8 bytes each.
    public let program: [UInt8]

    /// Wraps a program read from a cache.
    public init?(program: [UInt8]) {
        guard !program.isEmpty, program.count % 8 == 0, program.count / 8 <= 32768 else { return nil }
        self.program = program
    }

    /// Compiles a profile with libseccomp. System calls that this library or architecture does not know are left
    /// out, as every runtime does: the default action then holds for them.
    public init(compiling profile: SeccompProfile) throws(SeccompError) {
        guard let context = seccomp_init(profile.defaultAction.number) else {
            throw SeccompError(description: "libseccomp refused the default action")
        }
        defer { seccomp_release(context) }
        for name in profile.architectures {
            let token = name.withCString { seccomp_arch_resolve_name($0) }
            guard token != 0 else { throw SeccompError(description: "seccomp architecture \(name) is unknown") }
            let result = seccomp_arch_add(context, token)
            guard result == 0 || result == -EEXIST else {
                throw SeccompError(description: "seccomp architecture \(name): \(Errno(rawValue: -result))")
            }
        }
        // A binary tree instead of a chain: 9 comparisons instead of some 300 for a call that is not cached.
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0)
        for rule in profile.rules where rule.action != profile.defaultAction {
            for name in rule.names {
                let number = name.withCString { seccomp_syscall_resolve_name($0) }
                if number == -1 { continue }
                let conditions = rule.conditions.map {
                    scmp_arg_cmp(
                        arg: $0.argument, op: scmp_compare(rawValue: $0.comparison.rawValue), datum_a: $0.value,
                        datum_b: $0.valueTwo)
                }
                let result = conditions.withUnsafeBufferPointer {
                    seccomp_rule_add_array(context, rule.action.number, number, UInt32($0.count), $0.baseAddress)
                }
                guard result == 0 || result == -EEXIST || result == -EDOM else {
                    throw SeccompError(description: "seccomp rule for \(name): \(Errno(rawValue: -result))")
                }
            }
        }
        do throws(Errno) {
            let file = FileDescriptor(owning: Int32(try checked(berth_memfd_create("seccomp", UInt32(MFD_CLOEXEC)))))
            let result = seccomp_export_bpf(context, file.rawValue)
            guard result == 0 else { throw Errno(rawValue: -result) }
            lseek(file.rawValue, 0, SEEK_SET)
            program = try file.readAll(limit: 32768 * 8)
        } catch {
            throw SeccompError(description: "the seccomp filter cannot be written out: \(error)")
        }
    }

    /// Installs the filter for the calling thread (`seccomp(2)`). Needs no_new_privs or CAP_SYS_ADMIN.
    ///
    /// - Returns: with ``SeccompFlags/newListener`` the number of the listener's descriptor, close-on-exec; else 0.
    @discardableResult
    public func install(flags: UInt32 = 0) throws(Errno) -> Int {
        try checked(program.withUnsafeBytes { berth_seccomp_set_filter($0.baseAddress, UInt16(clamping: $0.count / 8), flags) })
    }
}
