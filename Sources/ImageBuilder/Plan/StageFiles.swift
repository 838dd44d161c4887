import LinuxKernel
import OCI

extension StageBuilder {
    // MARK: RUN

    mutating func addRun(_ run: RunInstruction, _ placed: PlacedInstruction) throws(BuildError) {
        var words = run.command.words
        var shown = "RUN \(run.command.words.joined(separator: " "))"
        if !run.command.usesShell { shown = "RUN \(GoText.json(words))" }
        var document: RunStep.Document?
        if let first = run.command.heredocs.first, let line = words.first {
            if Heredoc(word: line) != nil {
                let text = first.text
                if text.utf8.starts(with: "#!".utf8) {
                    // One with an interpreter's name is a program of its own.
                    document = .init(name: first.name, content: text)
                    words = ["/dev/pipes/\(first.name)"]
                } else {
                    words = [text]
                }
                shown += " (\(Self.firstLine(first.content)))"
            } else {
                // The shell reads them itself.
                words = [line + run.command.heredocs.map { "\n\($0.content)\($0.name)" }.joined()]
            }
        }
        let executed = run.command.usesShell ? withShell(words) : words
        var mounts = [MountStep]()
        for text in run.mounts { mounts.append(try mount(text, placed.range)) }
        var environment = variables
        let hidden = PredefinedArguments.proxies
        var proxies = [String]()
        for (name, value) in planner.request.arguments where hidden.contains(name) && variables[name] == nil {
            proxies.append("\(name)=\(value)")
        }
        for name in ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"] where environment[name] != nil {
            environment = environment.without(name)
        }
        let step = RunStep(
            arguments: executed, environment: environment.entries, proxies: proxies,
            workingDirectory: plan.configuration.config.workingDirectory, user: plan.configuration.config.user,
            mounts: mounts, network: run.network.flatMap { $0 == "default" ? nil : $0 } ?? planner.request.network,
            isInsecure: run.security == "insecure", extraHosts: planner.request.extraHosts, document: document)
        addStep(.run(step), title(shown, placed), placed)
        addHistory("RUN \(argumentPrefix)\(executed.joined(separator: " ")) # buildkit", hasLayer: true)
    }

    /// `|2 A=b C=d `: the arguments that were declared, as histories show them.
    private var argumentPrefix: String {
        var values = VariableList()
        for argument in arguments { values.set(argument.name, variables[argument.name] ?? argument.value ?? "") }
        let entries = values.entries
        return entries.isEmpty ? "" : "|\(entries.count) \(entries.joined(separator: " ")) "
    }

    private static func firstLine(_ text: String) -> String {
        let lines = ByteClass.trim(text).utf8.split(separator: 10, omittingEmptySubsequences: false)
        let first = lines.first.map { ByteClass.trim(String(decoding: $0, as: UTF8.self)) } ?? ""
        return first + (lines.count > 1 ? "..." : "")
    }

    private mutating func mount(_ text: String, _ range: SourceRange) throws(BuildError) -> MountStep {
        let variables = self.variables
        let planner = self.planner
        let mount = try RunMount(text, at: range) { (value: String) throws(BuildError) in
            try planner.expand(value, variables, at: range).text
        }
        let place = range.highlighting(text)
        var source: TreeSource?
        switch mount.kind {
        case .bind:
            source = try mount.from.map { (name: String) throws(BuildError) in try tree(name, place) } ?? .context
        case .cache: source = try mount.from.map { (name: String) throws(BuildError) in try tree(name, place) }
        case .tmpfs, .secret, .ssh: break
        }
        let target: String
        switch mount.kind {
        case .secret:
            let id = mount.id ?? mount.source ?? mount.target.map { StepPath.lastName($0) } ?? ""
            target = mount.target ?? (mount.variable == nil ? "/run/secrets/\(StepPath.lastName(id))" : "")
        case .ssh: target = mount.target ?? "/run/buildkit/ssh_agent.0"
        default: target = mount.target ?? "/"
        }
        let whole = target.isEmpty ? "" : StepPath.join(plan.configuration.config.workingDirectory, target)
        guard whole != "/" else {
            throw .syntax("invalid mount target \"/\"", remedy: "a mount covers a directory below the root", at: place)
        }
        return MountStep(mount: mount, source: source, target: whole)
    }

    /// What `--from` or `from=` names: a stage, a context, an image.
    private mutating func tree(_ name: String, _ range: SourceRange) throws(BuildError) -> TreeSource {
        if name == "scratch" { return .directory(name: "scratch", path: "") }
        if let stage = try planner.stageIndex(name, at: range) {
            guard let place = places[stage] else {
                throw .syntax(
                    "cannot copy from stage \(quote(name)), it needs to be defined before the current stage", at: range)
            }
            plan.needs.insert(place)
            return .stage(place)
        }
        if let context = planner.context(named: name) {
            switch context.source {
            case .directory(let path): return .directory(name: context.name, path: path)
            case .image(let image):
                return .image(try planner.images.baseImage(image, platform: planner.targetPlatform))
            }
        }
        do throws(BuildError) {
            return .image(try planner.images.baseImage(name, platform: planner.targetPlatform))
        } catch {
            if lenient { return .context }
            var whole = error.placed(at: range.highlighting(name))
            if whole.remedy.isEmpty {
                whole.remedy = Suggestion.text(for: name, among: plans.map(\.name).filter { !$0.isEmpty }) ?? ""
            }
            throw whole
        }
    }

    // MARK: COPY and ADD

    mutating func addCopy(_ copy: CopyInstruction, _ placed: PlacedInstruction) throws(BuildError) {
        let range = placed.range
        let isAdd = placed.keyword.uppercased() == "ADD"
        var sources = [String]()
        for text in copy.sources { sources.append(try expand(text, range)) }
        let written = try expand(copy.destination, range)
        var documents = [RunStep.Document]()
        for document in copy.documents {
            var text = document.text
            if document.expands {
                var raw = ShellLexer()
                raw.ignoresQuotes = true
                let expansion: Expansion
                do throws(SubstitutionError) { expansion = try raw.expand(text, variables.values) } catch {
                    throw BuildError(
                        operation: "expand", object: "the heredoc \(quote(document.name))", cause: error.description,
                        place: range)
                }
                text = expansion.text
            }
            documents.append(.init(name: document.name, content: text))
        }
        let chown = try copy.chown.map { (text: String) throws(BuildError) in
            try planner.expand(text, variables, at: range).text
        }
        let chmod = try copy.chmod.map { (text: String) throws(BuildError) in
            try planner.expand(text, variables, at: range).text
        }
        if let chmod, !chmod.isEmpty {
            do throws(PatternError) { _ = try ModeChange(chmod) } catch {
                throw .syntax(
                    "invalid chmod parameter: \(quote(chmod)): \(error.cause)",
                    remedy: "it is an octal number from 0 to 7777, or symbolic such as u=rwX,go=rX",
                    at: range.highlighting("--chmod"))
            }
        }
        var excludes = [String]()
        for text in copy.excludes { excludes.append(try expand(text, range)) }
        _ = try IgnoreRules(patterns: excludes)
        let checksum = try copy.checksum.map { (text: String) throws(BuildError) in
            try planner.expand(text, variables, at: range).text
        }
        if checksum != nil {
            guard sources.count == 1, let only = sources.first, RemoteSource.isRemote(only) else {
                throw .syntax(
                    "--checksum needs exactly one source, an HTTP(S) or Git one", at: range.highlighting("--checksum"))
            }
        }
        if !isAdd, let remote = sources.first(where: RemoteSource.isRemote) {
            throw .syntax(
                "source can't be a URL for COPY", remedy: "ADD takes it", at: range.highlighting(remote))
        }
        let tree = try copy.from.map { (name: String) throws(BuildError) in try self.tree(name, range) } ?? .context
        if case .context = tree { reportIgnored(sources, isAdd, range) }
        var destination = StepPath.join(plan.configuration.config.workingDirectory, written)
        if written.isEmpty || written.utf8.last == 47 || StepPath.lastName(written) == "." || written.hasSuffix("/..")
            || written == ".."
        {
            destination += destination == "/" ? "" : "/"
        }
        let step = CopyStep(
            source: tree, sources: sources, documents: documents, destination: destination,
            chown: chown.flatMap { $0.isEmpty ? nil : $0 }, chmod: chmod.flatMap { $0.isEmpty ? nil : $0 },
            link: copy.link, parents: copy.parents, excludes: excludes, isAdd: isAdd, unpacks: copy.unpacks,
            checksum: checksum, keepsGitDirectory: copy.keepsGitDirectory)
        addStep(.copy(step), title(placed.text, placed), placed)
        var history = isAdd ? "ADD" : "COPY"
        if copy.parents { history += " --parents" }
        if let chown = step.chown { history += " --chown=\(chown)" }
        if let chmod = step.chmod { history += " --chmod=\(chmod)" }
        history += sources.map { " " + $0 }.joined() + documents.map { " <<" + $0.name }.joined()
        addHistory("\(history) \(written) # buildkit", hasLayer: true)
    }

    private mutating func reportIgnored(_ sources: [String], _ isAdd: Bool, _ range: SourceRange) {
        // What a file that takes some back in leaves out cannot be told from a pattern.
        guard !planner.ignored.isEmpty, !planner.ignored.hasExceptions else { return }
        for source in sources where !RemoteSource.isRemote(source) {
            let clean = IgnoreRules.clean(Array(source.utf8))
            guard clean != [46] else { continue }
            if planner.ignored.excludes(clean) {
                findings.add(
                    .copyIgnoredFile,
                    "Attempting to \(isAdd ? "Add" : "Copy") file \(quote(source)) that is excluded by .dockerignore",
                    at: range.highlighting(source))
            }
        }
    }
}

/// Paths within an image, as text.
enum StepPath {
    /// A path seen from a directory: absolute and without `.`, `..` and double slashes.
    static func join(_ directory: String, _ path: String) -> String {
        var names = [String]()
        let whole = PathText.isAbsolute(path) ? path : directory + "/" + path
        for name in PathText.names(whole) {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return "/" + names.joined(separator: "/")
    }

    /// The last name, also of a path that ends with a slash; `.` counts.
    static func lastName(_ path: String) -> String {
        path.utf8.split(separator: 47).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension StagePlan {
    /// What stages that build on this one take over beside the configuration.
    struct State: Sendable {
        var variables = VariableList()
        var arguments = [(name: String, value: String?)]()
        var hasWorkingDirectory = false
    }
}

extension VariableList {
    /// The list without one of its variables.
    func without(_ name: String) -> VariableList {
        var result = VariableList()
        for entry in names where entry != name { result.set(entry, values[entry] ?? "") }
        return result
    }
}

extension IgnoreRules {
    /// Whether some pattern begins with `!`.
    var hasExceptions: Bool { mayInclude(below: Inherited()) }
}
