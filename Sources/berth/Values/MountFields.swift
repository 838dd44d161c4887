import CommandLine

extension MountRequest {
    /// Reads `--mount KEY=VALUE,…`, a line of comma-separated values: `type=bind,source=/a,target=/b,readonly`.
    init(fields text: String, workingDirectory: String) throws(ValueError) {
        try Self.refuseControlCharacters(text)
        let fields = try CommaFields.parse(text)
        guard !fields.isEmpty else { throw ValueError("it is empty") }
        var reader = MountFieldReader()
        for field in fields { try reader.read(field) }
        self = try reader.finish(workingDirectory: workingDirectory)
    }
}

/// Collects the fields of one `--mount`. What fits together is looked at in the end, since they come in any order.
private struct MountFieldReader {
    private var type = "volume"
    private var source: String?
    private var target: String?
    private var mount = MountRequest(source: .tmpfs, destination: "")
    /// Families of options that were used, "bind", "volume", "tmpfs".
    private var families: Set<String> = []

    mutating func read(_ field: String) throws(ValueError) {
        let parts = ByteText.fields(field, by: "=", limit: 2)
        let key = parts[0].lowercased()
        let value = parts.count == 2 ? parts[1] : nil
        switch key {
        case "readonly", "ro": mount.isReadOnly = try Self.truth(key, value)
        case "volume-nocopy":
            families.insert("volume")
            mount.copiesContent = !(try Self.truth(key, value))
        case "bind-nonrecursive":
            families.insert("bind")
            mount.isRecursive = !(try Self.truth(key, value))
        default:
            guard let value else {
                throw ValueError("invalid field \(quoted(field, mark: "'")) must be a key=value pair")
            }
            try read(key, value, field)
        }
    }

    private mutating func read(_ key: String, _ value: String, _ field: String) throws(ValueError) {
        switch key {
        case "type": type = value.lowercased()
        case "source", "src": source = value
        case "target", "dst", "destination": target = value
        case "consistency":
            guard ["", "default", "consistent", "cached", "delegated"].contains(value.lowercased()) else {
                throw ValueError("invalid value for consistency: \(printable(value))")
            }
        case "bind-propagation":
            families.insert("bind")
            guard ["shared", "rshared", "slave", "rslave", "private", "rprivate"].contains(value.lowercased()) else {
                throw ValueError("invalid value for bind-propagation: \(printable(value))")
            }
            mount.propagation = value.lowercased()
        case "bind-recursive":
            families.insert("bind")
            switch value {
            case "enabled": mount.isRecursive = true
            case "disabled": mount.isRecursive = false
            case "writable", "readonly": throw ValueError("bind-recursive=\(value) is not supported yet")
            default: throw ValueError("invalid value for bind-recursive: \(printable(value))")
            }
        case "tmpfs-size":
            families.insert("tmpfs")
            guard let size = try? ByteSize.parse(value) else {
                throw ValueError("invalid value for tmpfs-size: \(printable(value))")
            }
            mount.options.append("size=\(size)")
        case "tmpfs-mode":
            families.insert("tmpfs")
            guard TemporaryFileSystemOption.isValid("mode=\(value)") else {
                throw ValueError("invalid value for tmpfs-mode: \(printable(value))")
            }
            mount.options.append("mode=\(value)")
        case "volume-driver" where value == "local" || value.isEmpty: families.insert("volume")
        case "volume-label", "volume-opt", "volume-driver", "volume-subpath", "tmpfs-options", "image-subpath":
            throw ValueError("\(key) is not supported yet")
        default: throw ValueError("unexpected key \(quoted(key, mark: "'")) in \(quoted(field, mark: "'"))")
        }
    }

    func finish(workingDirectory: String) throws(ValueError) -> MountRequest {
        guard ["bind", "volume", "tmpfs"].contains(type) else {
            let known = ["image", "cluster", "npipe"].contains(type)
            throw ValueError(
                known ? "mount type \(type) is not supported yet" : "unknown mount type \(quoted(type, mark: "'"))")
        }
        for family in families.sorted() where family != type {
            throw ValueError("cannot mix '\(family)-*' options with mount type '\(type)'")
        }
        guard let target, !target.isEmpty else { throw ValueError("target is required") }
        var result = mount
        result.destination = try MountRequest.destination(target)
        switch type {
        case "bind":
            guard let source, !source.isEmpty else { throw ValueError("source is required for mount type 'bind'") }
            guard ByteText.begins(source, with: "/") || ByteText.begins(source, with: ".") else {
                throw ValueError(
                    "invalid mount source \(quoted(source, mark: "'")): it must be an absolute path or begin with ./")
            }
            result.source = .path(MountRequest.absolute(source, from: workingDirectory), makesMissing: false)
        case "tmpfs":
            guard source ?? "" == "" else { throw ValueError("a mount of type 'tmpfs' has no source") }
            result.source = .tmpfs
        default:
            let name = source ?? ""
            guard name.isEmpty || ContainerNameText.isValid(name) else {
                throw ValueError(
                    "\(quoted(name)) includes invalid characters for a local volume name, only "
                        + "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed; for a directory of the host say type=bind")
            }
            result.source = .volume(name.isEmpty ? nil : name)
        }
        return result
    }

    /// A key alone means true.
    private static func truth(_ key: String, _ value: String?) throws(ValueError) -> Bool {
        guard let value else { return true }
        guard let truth = try? NumberValue.boolean(value) else {
            throw ValueError("invalid value for \(key): \(printable(value))")
        }
        return truth
    }
}
