import OCI

/// Where credentials are looked up and kept: the configuration file, or the program it names for a registry.
public struct CredentialStore: Sendable {
    private let place: ConfigurationPlace

    /// The store of a configuration file.
    public init(_ place: ConfigurationPlace) { self.place = place }

    /// The file.
    public var path: String { place.path }

    /// What is known for a registry. Blocks while a helper runs.
    public func credentials(for registry: String) throws(RegistryError) -> Credentials {
        let configuration = try DockerConfiguration(place)
        if let helper = configuration.helper(for: registry) {
            let found = try CredentialHelper(helper).get(DockerConfiguration.key(registry))
            if found != .anonymous { return found }
        }
        return configuration.credentials(for: registry)
    }

    /// Keeps credentials.
    ///
    /// - Returns: the helper that keeps them now; nil when they stand in the file, which anybody who reads it can use.
    public func store(_ credentials: Credentials, for registry: String) throws(RegistryError) -> String? {
        var configuration = try DockerConfiguration(place)
        let helper = configuration.helper(for: registry)
        if let helper { try CredentialHelper(helper).store(credentials, DockerConfiguration.key(registry)) }
        configuration.set(credentials, for: registry, keptByHelper: helper != nil)
        try configuration.write()
        return helper
    }

    /// Forgets credentials.
    ///
    /// - Returns: whether there were any.
    public func erase(for registry: String) throws(RegistryError) -> Bool {
        var configuration = try DockerConfiguration(place)
        let known = configuration.hasEntry(for: registry)
        if let helper = configuration.helper(for: registry) {
            try CredentialHelper(helper).erase(DockerConfiguration.key(registry))
        }
        guard known else { return false }
        configuration.set(nil, for: registry)
        try configuration.write()
        return true
    }
}
