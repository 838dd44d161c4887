import LinuxKernel

/// A mount's options sorted by what they act on (config.md "Mounts", `mount(8)`).
struct MountOptions: Equatable {
    var set: MountAttributes = []
    var clear: MountAttributes = []
    /// The same for the whole tree below (`rro`, `rnosuid`…).
    var recursiveSet: MountAttributes = []
    var recursiveClear: MountAttributes = []
    var propagation: MountPropagation?
    var propagationIsRecursive = false
    var isBind = false
    var isRecursiveBind = false
    /// `idmap` or `ridmap`: show ids through the mount's or the container's own mapping.
    var idMap: IDMap?
    /// Copy the content of the covered directory into a new tmpfs.
    var copiesUp = false
    /// What goes to the file system itself, in order (`size=64k`).
    var data: [(key: String, value: String?)] = []

    enum IDMap: Equatable { case single, recursive }

    static func == (a: MountOptions, b: MountOptions) -> Bool {
        a.set == b.set && a.clear == b.clear && a.recursiveSet == b.recursiveSet
            && a.recursiveClear == b.recursiveClear && a.propagation == b.propagation && a.isBind == b.isBind
            && a.isRecursiveBind == b.isRecursiveBind && a.idMap == b.idMap && a.copiesUp == b.copiesUp
            && a.data.map(\.key) == b.data.map(\.key) && a.data.map(\.value) == b.data.map(\.value)
    }

    private static let flags: [String: (MountAttributes, on: Bool)] = [
        "ro": (.readOnly, true), "rw": (.readOnly, false), "nosuid": (.noSetID, true), "suid": (.noSetID, false),
        "nodev": (.noDevices, true), "dev": (.noDevices, false), "noexec": (.noExecute, true),
        "exec": (.noExecute, false), "nodiratime": (.noDirectoryAccessTime, true),
        "diratime": (.noDirectoryAccessTime, false), "nosymfollow": (.noSymbolicLinks, true),
        "symfollow": (.noSymbolicLinks, false),
    ]

    init(parsing options: [String]) {
        for option in options {
            switch option {
            case "", "defaults", "async", "auto", "noauto", "user", "nouser", "_netdev", "nofail", "silent", "loud", "nomand",
                "norelatime":
                break
            case "bind": isBind = true
            case "rbind":
                isBind = true
                isRecursiveBind = true
            case "private", "rprivate": setPropagation(.private, option)
            case "slave", "rslave": setPropagation(.slave, option)
            case "shared", "rshared": setPropagation(.shared, option)
            case "unbindable", "runbindable": setPropagation(.unbindable, option)
            case "idmap": idMap = .single
            case "ridmap": idMap = .recursive
            case "tmpcopyup": copiesUp = true
            case "noatime", "strictatime", "relatime", "atime", "nostrictatime": setAccessTime(option, recursive: false)
            case "rnoatime", "rstrictatime", "rrelatime", "ratime": setAccessTime(String(option.dropFirst()), recursive: true)
            default:
                if let (flag, on) = Self.flags[option] {
                    apply(flag, on: on, recursive: false)
                } else if option.hasPrefix("r"), let (flag, on) = Self.flags[String(option.dropFirst())] {
                    apply(flag, on: on, recursive: true)
                } else if let equals = option.firstIndex(of: "=") {
                    data.append((String(option[..<equals]), String(option[option.index(after: equals)...])))
                } else {
                    data.append((option, nil))
                }
            }
        }
    }

    private mutating func setPropagation(_ value: MountPropagation, _ option: String) {
        propagation = value
        propagationIsRecursive = option.hasPrefix("r") && option != "rw"
    }

    private mutating func apply(_ flag: MountAttributes, on: Bool, recursive: Bool) {
        if recursive {
            if on { recursiveSet.insert(flag); recursiveClear.remove(flag) } else {
                recursiveClear.insert(flag)
                recursiveSet.remove(flag)
            }
        } else if on {
            set.insert(flag)
            clear.remove(flag)
        } else {
            clear.insert(flag)
            set.remove(flag)
        }
    }

    private mutating func setAccessTime(_ option: String, recursive: Bool) {
        // The kernel wants the whole field cleared before one of its values is set.
        let value: MountAttributes = option == "noatime" ? .noAccessTime : option == "strictatime" ? .strictAccessTime : []
        if recursive {
            recursiveClear.formUnion(.accessTimeMask)
            recursiveSet.subtract(.accessTimeMask)
            recursiveSet.formUnion(value)
        } else {
            clear.formUnion(.accessTimeMask)
            set.subtract(.accessTimeMask)
            set.formUnion(value)
        }
    }
}
