/// What a command about images (and what they take up) was asked for.
enum ImageRequest: Sendable {
    case save(SaveOptions)
    case tag(source: String, target: String)
    case export(container: String, output: String?)
    case commit(CommitOptions)
    case history(HistoryOptions)
    case prune(ImagePruneOptions)
    case diskUsage(DiskUsageOptions)
    case check(repair: Bool)
}
