/// What proves who one is to a registry.
public enum Credentials: Equatable, Sendable {
    /// Nothing.
    case anonymous
    /// A name and a password or access token.
    case password(user: String, secret: String)
    /// A token of an OAuth2 server, good for getting access tokens.
    case identityToken(String)
    /// A token that goes to the registry itself, as it is.
    case registryToken(String)

    /// The name, where there is one.
    public var user: String? { if case .password(let user, _) = self { user } else { nil } }

    /// The value of an `Authorization` header for name and password.
    var basic: String? {
        guard case .password(let user, let secret) = self else { return nil }
        return "Basic " + Base64.encode("\(user):\(secret)")
    }
}
