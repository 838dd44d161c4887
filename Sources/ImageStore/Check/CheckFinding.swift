/// Something that a check found wrong.
public struct CheckFinding: Sendable, Equatable, CustomStringConvertible {
    /// What: `layer 0123456789ab`.
    public var object: String
    /// How it is wrong, as a clause.
    public var problem: String
    /// What was done about it; nil when nothing was.
    public var repair: String?

    /// A finding.
    public init(_ object: String, _ problem: String, repair: String? = nil) {
        self.object = object
        self.problem = problem
        self.repair = repair
    }

    /// One line for a person.
    public var description: String { "\(object): \(problem)\(repair.map { "; \($0)" } ?? "")" }
}

/// What a check looked at and found.
public struct CheckReport: Sendable {
    /// How many things of each sort were looked at: `3 images`.
    public var looked = [String]()
    /// What is wrong.
    public var findings = [CheckFinding]()

    /// Nothing yet.
    public init() {}

    /// Whether something is wrong still.
    public var isFaulty: Bool { findings.contains { $0.repair == nil } }

    /// Both together.
    public mutating func add(_ other: CheckReport) {
        looked += other.looked
        findings += other.findings
    }
}
