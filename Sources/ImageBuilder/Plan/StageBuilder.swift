import LinuxKernel
import OCI

/// Plans one stage: goes through its instructions with the variables as they are at each.
struct StageBuilder {
    let planner: Planner
    let node: Planner.StageNode
    /// The stages planned before this one.
    var plans: [StagePlan]
    /// Where stages of the file are among those.
    var places: [Int: Int]
    let lenient: Bool

    var plan: StagePlan
    var findings: Findings
    var usedArguments = Set<String>()
    /// Everything instructions and programs see: ENV and ARG.
    var variables = VariableList()
    /// Arguments that ARG has declared, in order, for histories.
    var arguments = [(name: String, value: String?)]()
    private var stepCount = 0
    private var stepTotal = 0
    /// Where instructions of which only the last counts stand.
    private var single = [String: SourceRange]()
    private var hasWorkingDirectory = false
    private let stageIgnoresCache: Bool

    /// The context in which the stage's variables stand, for stages that build on it.
    private static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    init(
        planner: Planner, node: Planner.StageNode, plans: [StagePlan], places: [Int: Int], lenient: Bool
    ) throws(BuildError) {
        self.planner = planner
        self.node = node
        self.plans = plans
        self.places = places
        self.lenient = lenient
        findings = planner.findings
        let name = node.stage.from.name ?? ""
        stageIgnoresCache =
            planner.request.ignoresCache || (!name.isEmpty && planner.request.uncachedStages.contains(name))
        let platform = node.platform ?? planner.targetPlatform
        plan = StagePlan(
            name: node.name, base: .scratch, platform: platform, steps: [],
            configuration: ImageConfiguration(platform: platform, diffIDs: []), inheritedHistories: 0,
            range: node.stage.place.range, needs: [])
    }

    /// Finds the base and what its triggers add.
    mutating func begin() throws(BuildError) {
        do throws(BuildError) {
            try setBase()
        } catch {
            throw error.placed(at: node.stage.place.range.highlighting(node.stage.from.base))
        }
        if node.replacement != nil { return }
        for trigger in triggers {
            instructions.append(try Dockerfile.trigger(trigger, at: node.stage.place.range))
        }
        plan.configuration.config.onBuild = []
        instructions += node.stage.instructions
    }

    /// Goes through the instructions.
    mutating func build() throws(BuildError) {
        stepTotal = instructions.count { Self.makesStep($0.instruction) }
        if plan.base != .scratch, node.baseStage == nil {
            stepTotal += 1
            stepCount = 1
        }
        for instruction in instructions {
            do throws(BuildError) { try dispatch(instruction) } catch { throw error.placed(at: instruction.range) }
        }
    }

    private var triggers = [String]()
    /// The base's triggers, then the stage's own; none where a context replaces the stage.
    private(set) var instructions = [PlacedInstruction]()

    private static func makesStep(_ instruction: Instruction) -> Bool {
        switch instruction {
        case .run, .copy, .add, .workdir: true
        default: false
        }
    }

    // MARK: Base

    private mutating func setBase() throws(BuildError) {
        if let replacement = node.replacement { return try setBase(replacement) }
        if let index = node.baseStage {
            guard let place = places[index] else {
                throw BuildError(cause: "the stage \(quote(node.base)) was not planned")
            }
            let base = plans[place]
            plan.base = .stage(place)
            plan.needs.insert(place)
            plan.platform = base.platform
            plan.configuration = base.configuration
            plan.inheritedHistories = base.configuration.history.count
            triggers = base.configuration.config.onBuild
            inherit(base.state)
        } else if node.base == "scratch" {
            plan.configuration.config.workingDirectory = "/"
        } else if let context = planner.context(named: node.base) {
            try setBase(context)
        } else {
            try setBase(image: node.base)
        }
        if !plan.configuration.config.environment.contains(where: { VariableList.split($0).name == "PATH" }) {
            plan.configuration.config.environment.append("PATH=\(Self.defaultPath)")
        }
        for entry in plan.configuration.config.environment {
            let (name, value) = VariableList.split(entry)
            if variables[name] == nil || node.baseStage == nil { variables.set(name, value) }
        }
        if plan.configuration.config.workingDirectory.isEmpty { plan.configuration.config.workingDirectory = "/" }
        publish()
    }

    private mutating func setBase(_ context: NamedContext) throws(BuildError) {
        switch context.source {
        case .image(let name): try setBase(image: name)
        case .directory(let path):
            // A directory as a base is a stage that copies it.
            plan.configuration.config.workingDirectory = "/"
            plan.steps.append(
                BuildStep(
                    kind: .copy(
                        CopyStep(
                            source: .directory(name: context.name, path: path), sources: ["/"], documents: [],
                            destination: "/", chown: nil, chmod: nil, link: false, parents: false, excludes: [],
                            isAdd: false, unpacks: nil, checksum: nil, keepsGitDirectory: false)),
                    title: "[\(node.name)] FROM context \(context.name)", range: node.stage.place.range,
                    ignoresCache: stageIgnoresCache))
            addHistory("FROM context \(context.name)", hasLayer: true)
        }
    }

    private mutating func setBase(image name: String) throws(BuildError) {
        let image: BaseImage
        do throws(BuildError) { image = try planner.images.baseImage(name, platform: plan.platform) } catch {
            guard lenient else { throw error }
            return
        }
        plan.base = .image(image)
        let platform = image.configuration.platform
        if platform.os != plan.platform.os || platform.architecture != plan.platform.architecture {
            findings.add(
                .invalidBaseImagePlatform,
                "Base image \(harmless(name)) was pulled with platform \(quote(platform.description)), expected \(quote(plan.platform.description)) for current build",
                at: node.stage.place.range.highlighting(node.stage.from.base))
        }
        plan.configuration = image.configuration
        plan.configuration.created = nil
        plan.inheritedHistories = image.configuration.history.count
        triggers = image.configuration.config.onBuild
    }

    private mutating func inherit(_ state: StagePlan.State) {
        variables = state.variables
        arguments = state.arguments
        hasWorkingDirectory = state.hasWorkingDirectory
    }

    /// What stages that build on this one take over.
    private mutating func publish() {
        plan.state = StagePlan.State(
            variables: variables, arguments: arguments, hasWorkingDirectory: hasWorkingDirectory)
    }

    // MARK: Instructions

    /// Expands a text, reporting variables that nothing sets.
    mutating func expand(_ text: String, _ range: SourceRange) throws(BuildError) -> String {
        try expandAll(text, range).text
    }

    mutating func expandAll(_ text: String, _ range: SourceRange) throws(BuildError) -> Expansion {
        let result = try planner.expand(text, variables, at: range)
        report(result.unset, range)
        return result
    }

    private mutating func report(_ unset: [String], _ range: SourceRange) {
        for name in unset where !arguments.contains(where: { $0.name == name }) {
            guard !["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"].contains(name) else { continue }
            let hint = Suggestion.text(for: name, among: variables.names, prefix: "$").map { " (\($0))" } ?? ""
            findings.add(
                .undefinedVar, "Usage of undefined variable '$\(harmless(name))'\(hint)", at: range.highlighting(name))
        }
    }

    mutating func addHistory(_ text: String, hasLayer: Bool) {
        plan.configuration.history.append(
            .init(createdBy: text, comment: "buildkit.dockerfile.v0", emptyLayer: !hasLayer))
    }

    /// `[build 2/4] COPY . .` with variables that are set put in.
    mutating func title(_ text: String, _ instruction: PlacedInstruction) -> String {
        var lexer = planner.lexer
        lexer.keepsQuotes = true
        lexer.keepsUnset = true
        let shown = (try? lexer.expand(text, variables.values).text) ?? text
        let words = shown.utf8.split(separator: 32, maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let whole = ([words.first?.uppercased() ?? ""] + words.dropFirst()).joined(separator: " ")
        stepCount += 1
        let total = String(stepTotal), number = String(stepCount)
        let padding = String(repeating: " ", count: max(0, total.utf8.count - number.utf8.count))
        let stage = plan.name.isEmpty ? "" : plan.name + " "
        return "[\(stage)\(padding)\(number)/\(total)] \(instruction.isTrigger ? "ONBUILD " : "")\(whole)"
    }

    mutating func addStep(_ kind: BuildStep.Kind, _ title: String, _ instruction: PlacedInstruction) {
        plan.steps.append(
            BuildStep(kind: kind, title: title, range: instruction.range, ignoresCache: stageIgnoresCache))
    }

    private mutating func dispatch(_ placed: PlacedInstruction) throws(BuildError) {
        defer { publish() }
        let range = placed.range
        switch placed.instruction {
        case .add(let copy), .copy(let copy): try addCopy(copy, placed)
        case .run(let run): try addRun(run, placed)
        case .workdir(let path): try setWorkingDirectory(path, placed)
        case .arg(let declarations): try declare(declarations, range)
        case .env(let pairs):
            let expanded = try expand(pairs, "ENV", range)
            for pair in expanded {
                planSecretCheck("ENV", pair.key, range)
                variables.set(pair.key, pair.value)
                setEnvironment(pair.key, pair.value)
            }
            addHistory("ENV" + expanded.map { " \($0.key)=\($0.value)" }.joined(), hasLayer: false)
        case .label(let pairs):
            let expanded = try expand(pairs, "LABEL", range)
            for pair in expanded { plan.configuration.config.labels[pair.key] = pair.value }
            addHistory("LABEL" + expanded.map { " \($0.key)=\($0.value)" }.joined(), hasLayer: false)
        case .cmd(let form):
            once("CMD", range)
            let words = shellWords(form, "CMD", range)
            plan.configuration.config.command = words
            plan.configuration.config.argumentsEscaped = true
            addHistory("CMD \(GoText.quoted(words))", hasLayer: false)
        case .entrypoint(let form):
            once("ENTRYPOINT", range)
            let words = shellWords(form, "ENTRYPOINT", range)
            plan.configuration.config.entrypoint = words.isEmpty ? nil : words
            // A new entrypoint makes nothing of a command that was meant for the base image's.
            if single["CMD"] == nil { plan.configuration.config.command = nil }
            addHistory("ENTRYPOINT \(GoText.quoted(words))", hasLayer: false)
        case .healthcheck(let check):
            once("HEALTHCHECK", range)
            plan.configuration.config.healthcheck = .init(
                test: check.test, interval: check.interval, timeout: check.timeout, startPeriod: check.startPeriod,
                startInterval: check.startInterval, retries: check.retries)
            addHistory("HEALTHCHECK \(GoText.healthcheck(check))", hasLayer: false)
        case .expose(let words): try expose(words, range)
        case .user(let written):
            let user = try expand(written, range)
            guard !user.isEmpty else { throw .syntax("USER is empty once its variables are expanded", at: range) }
            plan.configuration.config.user = user
            addHistory("USER \(user)", hasLayer: false)
        case .volume(let written):
            var paths = [String]()
            for text in written {
                let path = try expand(text, range)
                guard !path.isEmpty else { throw .syntax("VOLUME specified can not be an empty string", at: range) }
                paths.append(path)
                if !plan.configuration.config.volumes.contains(path) { plan.configuration.config.volumes.append(path) }
            }
            addHistory("VOLUME [\(paths.joined(separator: " "))]", hasLayer: false)
        case .stopSignal(let written):
            let signal = try expand(written, range)
            guard Signals.number(signal) != nil else {
                throw .syntax(
                    "invalid signal: \(quote(signal))", remedy: "it is a name such as SIGTERM or a number",
                    at: range.highlighting(written))
            }
            plan.configuration.config.stopSignal = signal
            addHistory("STOPSIGNAL \(signal)", hasLayer: false)
        case .shell(let words):
            plan.configuration.config.shell = words
            addHistory("SHELL [\(words.joined(separator: " "))]", hasLayer: false)
        case .maintainer(let name):
            plan.configuration.author = name
            addHistory("MAINTAINER \(name)", hasLayer: false)
        case .onBuild(let text): plan.configuration.config.onBuild.append(text)
        case .from: break
        }
    }

    private mutating func expand(
        _ pairs: [KeyValue], _ instruction: String, _ range: SourceRange
    ) throws(BuildError) -> [(key: String, value: String)] {
        var result = [(key: String, value: String)]()
        for pair in pairs {
            if pair.isLegacy {
                findings.add(
                    .legacyKeyValueFormat,
                    "\"\(instruction) key=value\" should be used instead of legacy \"\(instruction) key value\" format",
                    at: range)
            }
            let key = try expand(pair.key, range)
            guard !key.isEmpty else { throw .syntax("\(instruction) names can not be blank", at: range) }
            result.append((key, try expand(pair.value, range)))
        }
        return result
    }

    private mutating func planSecretCheck(_ instruction: String, _ name: String, _ range: SourceRange) {
        guard SourceChecks.soundsSecret(name) else { return }
        findings.add(
            .secretsUsedInArgOrEnv,
            "Do not use ARG or ENV instructions for sensitive data (\(instruction) \(quote(name)))",
            at: range.highlighting(name))
    }

    private mutating func setEnvironment(_ name: String, _ value: String) {
        let entry = "\(name)=\(value)"
        if let place = plan.configuration.config.environment.firstIndex(where: { VariableList.split($0).name == name })
        {
            plan.configuration.config.environment[place] = entry
        } else {
            plan.configuration.config.environment.append(entry)
        }
    }

    private mutating func declare(_ declarations: [ArgumentDeclaration], _ range: SourceRange) throws(BuildError) {
        var shown = [String]()
        for declaration in declarations {
            let name = declaration.name
            planSecretCheck("ARG", name, range)
            usedArguments.insert(name)
            var value: String?
            if let given = planner.request.argument(name) {
                value = given
            } else if let written = declaration.value {
                value = try expand(written, range)
            } else {
                value = planner.globals[name]
            }
            if let value { variables.set(name, value) }
            arguments.append((name, value))
            shown.append(value.map { "\(name)=\($0)" } ?? name)
        }
        addHistory("ARG " + shown.joined(separator: " "), hasLayer: false)
    }

    private mutating func once(_ name: String, _ range: SourceRange) {
        if let last = single[name] {
            findings.add(
                .multipleInstructionsDisallowed,
                "Multiple \(name) instructions should not be used in the same stage because only the last one will be used",
                at: last)
        }
        single[name] = range
    }

    private mutating func shellWords(_ form: CommandForm, _ name: String, _ range: SourceRange) -> [String] {
        guard form.usesShell, !form.words.isEmpty else { return form.words }
        if plan.configuration.config.shell == nil {
            findings.add(
                .jsonArgsRecommended,
                "JSON arguments recommended for \(name) to prevent unintended behavior related to OS signals", at: range
            )
        }
        return withShell(form.words)
    }

    func withShell(_ words: [String]) -> [String] {
        let shell = plan.configuration.config.shell.flatMap { $0.isEmpty ? nil : $0 } ?? ["/bin/sh", "-c"]
        return shell + [words.joined(separator: " ")]
    }

    private mutating func expose(_ words: [String], _ range: SourceRange) throws(BuildError) {
        var ports = [String]()
        for word in words {
            for text in try expandAll(word, range).words {
                let port: ExposedPorts
                do throws(PatternError) { port = try ExposedPorts(text) } catch {
                    throw .syntax(
                        "invalid port \(quote(text)): \(error.cause)", remedy: "the form is PORT[-PORT][/tcp|udp|sctp]",
                        at: range.highlighting(word))
                }
                if port.hasUpperCase {
                    findings.add(
                        .exposeProtoCasing,
                        "Defined protocol '\(harmless(text))' in EXPOSE instruction should be lowercase",
                        at: range.highlighting(word))
                }
                if port.namesHost {
                    findings.add(
                        .exposeInvalidFormat,
                        "EXPOSE instruction should not define an IP address or host-port mapping, found '\(harmless(text))'",
                        at: range.highlighting(word))
                }
                ports += port.all
            }
        }
        guard !ports.isEmpty else { throw .syntax("EXPOSE names no port once its variables are expanded", at: range) }
        for port in ports where !plan.configuration.config.exposedPorts.contains(port) {
            plan.configuration.config.exposedPorts.append(port)
        }
        addHistory("EXPOSE [\(ports.joined(separator: " "))]", hasLayer: false)
    }

    private mutating func setWorkingDirectory(_ written: String, _ placed: PlacedInstruction) throws(BuildError) {
        let wanted = try expand(written, placed.range)
        if !hasWorkingDirectory, !PathText.isAbsolute(wanted) {
            findings.add(
                .workdirRelativePath,
                "Relative workdir \(quote(wanted)) can have unexpected results if the base image changes",
                at: placed.range)
        }
        hasWorkingDirectory = true
        let path = StepPath.join(plan.configuration.config.workingDirectory, wanted)
        plan.configuration.config.workingDirectory = path
        let shown = title("WORKDIR \(wanted)", placed)
        if path != "/" {
            addStep(.directory(path: path, user: plan.configuration.config.user), shown, placed)
        }
        addHistory("WORKDIR \(path)", hasLayer: path != "/")
    }
}
