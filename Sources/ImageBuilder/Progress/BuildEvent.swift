/// What happens in a build, for whoever shows it.
public enum BuildEvent: Sendable {
    /// A step begins; `id` is its number, from 1.
    case started(id: Int, title: String)
    /// It was known already.
    case cached(id: Int, title: String)
    /// Its program wrote something.
    case output(id: Int, isError: Bool, bytes: [UInt8])
    case finished(id: Int, seconds: Double)
    case failed(id: Int, message: String)
    /// It was ended because another one failed.
    case canceled(id: Int)
    /// Something to know that belongs to no step.
    case warning(String)
}
