import OCI

/// Turns a Dockerfile and what a user asks for into a plan: which stages are needed, what each step does with all
/// variables expanded, and what the image's configuration will be. Reads nothing but what `images` gives it.
public struct Planner {
    let file: Dockerfile
    let request: BuildRequest
    let images: any BaseImageSource
    /// What the context leaves out, for the check of COPY.
    let ignored: IgnoreRules
    let buildPlatform: Platform
    let targetPlatform: Platform
    let lexer: ShellLexer
    var globals = VariableList()
    var findings: Findings
    private var nodes = [StageNode]()
    private var byName = [String: Int]()
    /// Names that an ARG before the first FROM declares.
    private var declared = Set<String>()
    private var usedArguments = Set<String>()
    private var plans = [StagePlan]()
    /// Where stages of the file are among the plans.
    private var places = [Int: Int]()

    /// A stage and what is known of it before it is planned.
    struct StageNode {
        var stage: Dockerfile.Stage
        var base: String
        var platform: Platform?
        var baseStage: Int?
        /// Replaced by a `--build-context` of its name.
        var replacement: NamedContext?
        var needs = Set<Int>()
        /// For titles.
        var name: String
    }

    /// Plans a build.
    ///
    /// - Parameters:
    ///   - checksOnly: look at all stages, and take an image that is not there for an empty one.
    /// - Throws: ``BuildError`` with the place and what would be right.
    public static func plan(
        _ file: Dockerfile, _ request: BuildRequest, images: any BaseImageSource, ignored: IgnoreRules = IgnoreRules(),
        checksOnly: Bool = false
    ) throws(BuildError) -> BuildPlan {
        var planner = try Planner(file, request, images, ignored)
        return try planner.plan(checksOnly: checksOnly)
    }

    private init(
        _ file: Dockerfile, _ request: BuildRequest, _ images: any BaseImageSource, _ ignored: IgnoreRules
    ) throws(BuildError) {
        self.file = file
        self.request = request
        self.images = images
        self.ignored = ignored
        buildPlatform = .host
        targetPlatform = request.platform ?? .host
        var lexer = ShellLexer()
        lexer.escape = Unicode.Scalar(file.directives.escape)
        self.lexer = lexer
        let check = request.argument("BUILDKIT_DOCKERFILE_CHECK") ?? file.directives.check ?? ""
        findings = Findings(try CheckOptions(parsing: check))
    }

    private mutating func plan(checksOnly: Bool) throws(BuildError) -> BuildPlan {
        SourceChecks(file: file).run(&findings)
        try setGlobals()
        for (index, stage) in file.stages.enumerated() { try add(stage, index) }
        let target = try findTarget()
        try findNeeds()
        if nodes.count == 1 { nodes[0].name = "" }
        var reachable = try reachableStages(from: target)
        if checksOnly, request.target == nil { reachable = Set(nodes.indices) }

        for index in nodes.indices where reachable.contains(index) { try planStage(index, lenient: checksOnly) }
        guard let place = places[target] else { throw BuildError(cause: "the target stage was not planned") }
        for label in request.labels { plans[place].configuration.config.labels[label.name] = label.value }
        let unused = request.arguments.map(\.name).filter {
            !usedArguments.contains($0) && !declared.contains($0) && !PredefinedArguments.proxies.contains($0)
                && !PredefinedArguments.builder.contains($0) && globals[$0] == nil
        }
        return BuildPlan(
            stages: plans, target: place, findings: findings.all,
            findingsAreErrors: findings.options.isError && !findings.all.isEmpty,
            unusedArguments: Array(Set(unused)).sorted(), epoch: try epoch())
    }

    /// Plans a stage, and before it those that only triggers of its base image need.
    private mutating func planStage(_ index: Int, lenient: Bool) throws(BuildError) {
        guard places[index] == nil else { return }
        for need in nodes[index].needs.sorted() { try planStage(need, lenient: lenient) }
        var builder = try StageBuilder(
            planner: self, node: nodes[index], plans: plans, places: places, lenient: lenient)
        try builder.begin()
        findings = builder.findings
        for trigger in builder.instructions where trigger.isTrigger {
            for name in Self.sources(trigger.instruction) {
                guard let source = try stageIndex(name, at: trigger.range) else { continue }
                try checkOrder(source, before: index, name, trigger.range)
                try planStage(source, lenient: lenient)
            }
        }
        builder.plans = plans
        builder.places = places
        builder.findings = findings
        try builder.build()
        findings = builder.findings
        usedArguments.formUnion(builder.usedArguments)
        places[index] = plans.count
        plans.append(builder.plan)
    }

    private func epoch() throws(BuildError) -> Int64? {
        guard let text = request.argument("SOURCE_DATE_EPOCH") ?? globals["SOURCE_DATE_EPOCH"], !text.isEmpty else {
            return nil
        }
        guard let seconds = Int64(text), seconds >= 0 else {
            throw BuildError(
                cause: "SOURCE_DATE_EPOCH is \(quote(text))", remedy: "it is a number of seconds since 1970")
        }
        return seconds
    }

    // MARK: Arguments before the first FROM

    private mutating func setGlobals() throws(BuildError) {
        for (name, value) in PredefinedArguments.platform(
            build: buildPlatform, target: targetPlatform, stage: request.target ?? file.stages.last?.from.name ?? "")
        {
            globals.set(name, request.argument(name) ?? value)
        }
        checkDefaults()
        for place in file.globalArguments {
            guard case .arg(let arguments) = place.instruction else { continue }
            for argument in arguments {
                declared.insert(argument.name)
                if let value = request.argument(argument.name) {
                    globals.set(argument.name, value)
                } else if let written = argument.value {
                    globals.set(argument.name, try expand(written, globals, at: place.range).text)
                }
                secretCheck("ARG", argument.name, place.range)
            }
        }
    }

    mutating func secretCheck(_ instruction: String, _ name: String, _ range: SourceRange) {
        guard SourceChecks.soundsSecret(name) else { return }
        findings.add(
            .secretsUsedInArgOrEnv,
            "Do not use ARG or ENV instructions for sensitive data (\(instruction) \(quote(name)))",
            at: range.highlighting(name))
    }

    /// Base images have to make sense also when no build argument is given.
    private mutating func checkDefaults() {
        var defaults = globals
        for place in file.globalArguments {
            guard case .arg(let arguments) = place.instruction else { continue }
            for argument in arguments {
                guard let written = argument.value else { continue }
                guard let value = try? lexer.expand(written, defaults.values).text else { return }
                defaults.set(argument.name, value)
            }
        }
        for stage in file.stages {
            guard let name = try? lexer.expand(stage.from.base, defaults.values).text else { return }
            if (try? Reference(parsing: name)) == nil {
                findings.add(
                    .invalidDefaultArgInFrom,
                    "Default value for ARG \(harmless(stage.from.base)) results in empty or invalid base image name",
                    at: stage.place.range.highlighting(stage.from.base))
            }
        }
    }

    func expand(_ text: String, _ variables: VariableList, at range: SourceRange) throws(BuildError) -> Expansion {
        do throws(SubstitutionError) { return try lexer.expand(text, variables.values) } catch {
            throw BuildError(
                operation: "expand", object: quote(text), cause: error.description, place: range.highlighting(text))
        }
    }

    // MARK: Stages

    private mutating func add(_ stage: Dockerfile.Stage, _ index: Int) throws(BuildError) {
        let range = stage.place.range
        let name = try expand(stage.from.base, globals, at: range)
        reportUndefined(name.unset, range)
        guard !name.text.isEmpty else {
            throw .syntax(
                "base name (\(harmless(stage.from.base))) should not be blank",
                remedy: "give the ARG a default, or pass --build-arg", at: range.highlighting(stage.from.base))
        }
        var node = StageNode(stage: stage, base: name.text, name: stage.from.name ?? "stage-\(index)")
        if let written = stage.from.platform {
            let platform = try expand(written, globals, at: range)
            reportUndefined(platform.unset, range)
            if platform.used == ["TARGETPLATFORM"], platform.unset.isEmpty, platform.text == globals["TARGETPLATFORM"] {
                findings.add(
                    .redundantTargetPlatform,
                    "Setting platform to predefined \(harmless(written)) in FROM is redundant as this is the default behavior",
                    at: range.highlighting(written))
            }
            guard !platform.text.isEmpty else {
                throw .syntax(
                    "empty platform value from expression \(harmless(written))",
                    remedy: platform.unset.first.flatMap { Suggestion.text(for: $0, among: globals.names) } ?? "",
                    at: range.highlighting(written))
            }
            do throws(OCIError) { node.platform = try Platform(parsing: platform.text) } catch {
                throw BuildError(
                    operation: error.operation, object: error.object, cause: error.cause,
                    place: range.highlighting(written))
            }
            if platform.used.isEmpty, platform.unset.isEmpty, let value = node.platform,
                let name = stage.from.name ?? Optional(""),
                !Self.holds(name, value.os), !Self.holds(name, value.architecture)
            {
                findings.add(
                    .fromPlatformFlagConstDisallowed,
                    "FROM --platform flag should not use constant value \(quote(platform.text))",
                    at: range.highlighting(written))
            }
        }
        if let name = stage.from.name { node.replacement = request.contexts.first { $0.name == name } }
        node.baseStage = byName[node.base]
        if let base = node.baseStage, node.replacement == nil { node.needs.insert(base) }
        if let name = stage.from.name { byName[name] = nodes.count }
        nodes.append(node)
    }

    private static func holds(_ text: String, _ part: String) -> Bool {
        let text = Array(text.utf8), part = Array(part.utf8)
        guard !part.isEmpty, text.count >= part.count else { return part.isEmpty }
        return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
    }

    private mutating func reportUndefined(_ unset: [String], _ range: SourceRange) {
        for name in unset where !declared.contains(name) {
            let hint = Suggestion.text(for: name, among: globals.names).map { " (\($0))" } ?? ""
            findings.add(
                .undefinedArgInFrom, "FROM argument '\(harmless(name))' is not declared\(hint)",
                at: range.highlighting(name))
        }
    }

    private func findTarget() throws(BuildError) -> Int {
        guard let wanted = request.target, !wanted.isEmpty else { return nodes.count - 1 }
        if let place = byName[wanted.lowercased()] { return place }
        if let number = Int(wanted), nodes.indices.contains(number) { return number }
        let names = byName.keys.sorted()
        throw BuildError(
            cause: "target stage \(quote(wanted)) could not be found",
            remedy: Suggestion.text(for: wanted, among: names)
                ?? (names.isEmpty ? "no stage has a name" : "the stages are \(names.joined(separator: ", "))"))
    }

    /// The stage that COPY --from or a mount's from means; nil for an image or context.
    func stage(named name: String) -> Int? { byName[name.lowercased()] }

    private mutating func findNeeds() throws(BuildError) {
        for index in nodes.indices where nodes[index].replacement == nil {
            for place in nodes[index].stage.instructions {
                for name in Self.sources(place.instruction) {
                    guard let source = try stageIndex(name, at: place.range) else { continue }
                    try checkOrder(source, before: index, name, place.range)
                    nodes[index].needs.insert(source)
                }
            }
        }
    }

    /// The stage that a `--from` means, by name or number; nil for something else.
    func stageIndex(_ name: String, at range: SourceRange) throws(BuildError) -> Int? {
        if let place = stage(named: name) { return place }
        guard let number = Int(name) else { return nil }
        guard file.stages.indices.contains(number) else {
            throw .syntax(
                "invalid stage index \(number)", remedy: "the file has stages 0 to \(file.stages.count - 1)",
                at: range.highlighting(name))
        }
        return number
    }

    func checkOrder(_ source: Int, before stage: Int, _ name: String, _ range: SourceRange) throws(BuildError) {
        guard source >= stage else { return }
        guard source != stage else {
            throw .syntax(
                "circular dependency detected on stage: \(harmless(nodes[stage].name))",
                remedy: "a stage cannot take files from itself", at: range.highlighting(name))
        }
        throw .syntax(
            "cannot copy from stage \(quote(name)), it needs to be defined before the stage \(quote(nodes[stage].name))",
            at: range.highlighting(name))
    }

    /// Everything an instruction takes files from, by name.
    static func sources(_ instruction: Instruction) -> [String] {
        switch instruction {
        case .copy(let copy): return copy.from.map { [$0] } ?? []
        case .run(let run):
            return run.mounts.compactMap { text in
                guard
                    let mount = try? RunMount(
                        text, at: SourceRange(firstLine: 1, lastLine: 1),
                        expand: { (text: String) throws(BuildError) in text })
                else { return fromField(text) }
                return mount.from
            }
        default: return []
        }
    }

    /// `from=` of a mount whose other fields make sense only when their variables are expanded.
    private static func fromField(_ text: String) -> String? {
        for field in text.utf8.split(separator: UInt8(ascii: ",")) where field.starts(with: "from=".utf8) {
            return String(decoding: field.dropFirst(5), as: UTF8.self)
        }
        return nil
    }

    private func reachableStages(from target: Int) throws(BuildError) -> Set<Int> {
        var result = Set([target])
        var open = [target]
        while let index = open.popLast() {
            for need in nodes[index].needs where result.insert(need).inserted { open.append(need) }
        }
        return result
    }

    /// A context of `--build-context` by the name of a stage, or of an image in any of its forms.
    func context(named name: String) -> NamedContext? {
        if let exact = request.contexts.first(where: { $0.name == name || $0.name == name.lowercased() }) {
            return exact
        }
        guard let wanted = try? Reference(parsing: name).withDefaultTag else { return nil }
        return request.contexts.first { (try? Reference(parsing: $0.name).withDefaultTag) == wanted }
    }
}
