import OCI

/// One instruction of `import --change` or `commit --change`, in a Dockerfile's words: `CMD ["/bin/sh"]`.
public struct ConfigurationChange: Sendable {
    enum Kind: Sendable {
        case command([String]), entrypoint([String]), environment([(String, String)]), expose([String])
        case label([(String, String)]), user(String), volume([String]), workingDirectory(String), stopSignal(String)
        case onBuild(String), shell([String])
        case healthcheck(ImageConfiguration.Healthcheck)
    }
    let kind: Kind

    /// Reads an instruction.
    ///
    /// - Throws: ``ImageStoreError``, kind `invalidName`, for an instruction that is unknown or says nothing.
    public init(parsing text: String) throws(ImageStoreError) {
        kind = try InstructionParser(text).kind()
    }

    /// Does to a configuration what the instruction says.
    public func apply(to config: inout ImageConfiguration.Config) {
        switch kind {
        case .command(let words): config.command = words
        case .entrypoint(let words): config.entrypoint = words
        case .environment(let pairs):
            for (name, value) in pairs {
                config.environment.removeAll { $0.hasPrefix("\(name)=") }
                config.environment.append("\(name)=\(value)")
            }
        case .expose(let ports): config.exposedPorts += ports.filter { !config.exposedPorts.contains($0) }
        case .label(let pairs): for (name, value) in pairs { config.labels[name] = value }
        case .user(let user): config.user = user
        case .volume(let paths): config.volumes += paths.filter { !config.volumes.contains($0) }
        case .workingDirectory(let path):
            let base = config.workingDirectory.isEmpty ? "/" : config.workingDirectory
            config.workingDirectory = path.hasPrefix("/") ? path : "\(base == "/" ? "" : base)/\(path)"
        case .stopSignal(let signal): config.stopSignal = signal
        case .onBuild(let instruction): config.onBuild.append(instruction)
        case .shell(let words): config.shell = words
        case .healthcheck(let check): config.healthcheck = check
        }
    }
}
