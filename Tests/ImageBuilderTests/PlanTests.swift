import OCI
import Testing

@testable import ImageBuilder

@Suite struct PlanTests {
    @Test func plansWhatTheTargetNeedsOnly() throws {
        let text = """
            FROM base AS deps
            RUN deps
            FROM base AS unused
            RUN unused
            FROM deps AS build
            RUN build
            FROM scratch
            COPY --from=build /out /
            """
        let whole = try plan(text)
        #expect(whole.stages.map(\.name) == ["deps", "build", "stage-3"])
        #expect(whole.stages[1].base == .stage(0))
        #expect(whole.stages[2].needs == [1])
        #expect(whole.target == 2)
        let part = try plan(text, target: "DEPS")
        #expect(part.stages.map(\.name) == ["deps"])
        #expect(try plan(text, target: "1").stages.map(\.name) == ["unused"])
        #expect(throws: BuildError.self) { try plan(text, target: "nope") }
    }

    @Test func expandsWhereBuildKitDoes() throws {
        let step = try onlyStep("FROM a\nARG A=1\nENV B=$A$BASE\nWORKDIR /w/$A\nUSER u$A\nRUN echo $B")
        let run = try #require(step.run)
        #expect(run.arguments == ["/bin/sh", "-c", "echo $B"])
        #expect(run.environment == ["PATH=/usr/bin:/bin", "BASE=a", "A=1", "B=1a"])
        #expect(run.workingDirectory == "/w/1")
        #expect(run.user == "u1")
        #expect(step.title == "[4/4] RUN echo 1a" || step.title == "[3/3] RUN echo 1a")
        let copy = try #require(try onlyStep("FROM a\nENV d=/x s=y o=7\nCOPY --chown=$o --exclude=$s $s $d/").copy)
        #expect(copy.sources == ["y"] && copy.destination == "/x/" && copy.chown == "7" && copy.excludes == ["y"])
    }

    @Test func scopesArguments() throws {
        let text = "ARG V=1\nARG W=$V.2\nFROM base:$W AS x\nARG V\nARG W=inner\nRUN x\nFROM x\nRUN y"
        let whole = try plan(text)
        guard case .image(let image) = whole.stages[0].base else { throw BuildError(cause: "no image") }
        #expect(image.name == "base:1.2")
        #expect(whole.stages[0].steps[0].run?.environment.contains("V=1") == true)
        #expect(whole.stages[0].steps[0].run?.environment.contains("W=inner") == true)
        // What a stage declares is also there in stages that build on it.
        #expect(whole.stages[1].steps[0].run?.environment.contains("W=inner") == true)
        let given = try plan(text, arguments: [("V", "9"), ("W", "8"), ("NOPE", "1"), ("http_proxy", "p")])
        #expect(given.stages[0].steps[0].run?.environment.contains("V=9") == true)
        #expect(given.stages[0].steps[0].run?.proxies == ["http_proxy=p"])
        #expect(given.unusedArguments == ["NOPE"])
        #expect(given.stages[0].configuration.history.last?.createdBy == "RUN |2 V=9 W=8 /bin/sh -c x # buildkit")
    }

    @Test func knowsThePlatform() throws {
        let run = try #require(try onlyStep("FROM a\nARG TARGETPLATFORM\nARG TARGETARCH\nARG BUILDOS\nRUN x").run)
        #expect(run.environment.contains("TARGETPLATFORM=\(Platform.host)"))
        #expect(run.environment.contains("TARGETARCH=\(Platform.host.architecture)"))
        #expect(run.environment.contains("BUILDOS=linux"))
        #expect(try onlyStep("FROM a\nRUN x").run?.environment.contains { $0.hasPrefix("TARGET") } == false)
    }

    @Test func makesTheConfiguration() throws {
        let text = """
            FROM scratch
            ENV A=b PATH=/p
            LABEL x="y z"
            EXPOSE 80 90-91/udp
            VOLUME /v
            VOLUME ["/w"]
            WORKDIR rel
            WORKDIR deeper/../up
            USER me
            STOPSIGNAL SIGINT
            SHELL ["/bin/bash", "-c"]
            HEALTHCHECK --interval=5s CMD check
            CMD serve now
            ENTRYPOINT ["/e"]
            ONBUILD RUN later
            MAINTAINER me
            """
        let config = try plan(text).stages[0].configuration
        #expect(config.config.environment == ["PATH=/p", "A=b"])
        #expect(config.config.labels == ["x": "y z"])
        #expect(config.config.exposedPorts == ["80/tcp", "90/udp", "91/udp"])
        #expect(config.config.volumes == ["/v", "/w"])
        #expect(config.config.workingDirectory == "/rel/up")
        #expect(config.config.user == "me" && config.config.stopSignal == "SIGINT")
        #expect(config.config.command == ["/bin/bash", "-c", "serve now"])
        #expect(config.config.entrypoint == ["/e"] && config.config.onBuild == ["RUN later"] && config.author == "me")
        #expect(config.config.healthcheck?.test == ["CMD-SHELL", "check"])
        #expect(config.history.filter { !$0.emptyLayer }.map(\.createdBy) == ["WORKDIR /rel", "WORKDIR /rel/up"])
        let empty = try plan("FROM scratch\nLABEL a=b").stages[0].configuration.config
        #expect(empty.environment == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
        #expect(empty.workingDirectory == "/")
    }

    @Test func dropsTheBaseCommandWithANewEntrypoint() throws {
        var base = ImageConfiguration(platform: .host, diffIDs: [])
        base.config.command = ["old"]
        let images = FakeImages(configurations: ["b": base])
        #expect(try plan("FROM b\nENTRYPOINT [\"/e\"]", images: images).stages[0].configuration.config.command == nil)
        #expect(try plan("FROM b\nUSER x", images: images).stages[0].configuration.config.command == ["old"])
        #expect(
            try plan("FROM b\nCMD [\"n\"]\nENTRYPOINT [\"/e\"]", images: images).stages[0].configuration.config.command
                == ["n"])
    }

    @Test func runsTriggersFirst() throws {
        var base = ImageConfiguration(platform: .host, diffIDs: [])
        base.config.onBuild = ["COPY . /src", "ENV T=1"]
        let images = FakeImages(configurations: ["b": base])
        let stage = try plan("FROM b\nRUN mine", images: images).stages[0]
        #expect(stage.steps.count == 2)
        #expect(stage.steps[0].title == "[2/3] ONBUILD COPY . /src")
        #expect(stage.steps[1].run?.environment.contains("T=1") == true)
        #expect(stage.configuration.config.onBuild.isEmpty)
        let inner = try plan("FROM x AS p\nONBUILD RUN t\nFROM p\nRUN u").stages[1]
        #expect(inner.steps.compactMap { $0.run?.arguments.last } == ["t", "u"])
    }

    @Test func readsDocuments() throws {
        let run = try #require(try onlyStep("FROM a\nRUN <<E\none\ntwo\nE").run)
        #expect(run.arguments == ["/bin/sh", "-c", "one\ntwo\n"])
        let script = try #require(try onlyStep("FROM a\nRUN <<E\n#!/usr/bin/python\nx\nE").run)
        #expect(script.document == .init(name: "E", content: "#!/usr/bin/python\nx\n"))
        #expect(script.arguments == ["/bin/sh", "-c", "/dev/pipes/E"])
        let shell = try #require(try onlyStep("FROM a\nRUN cat <<E > /x\n$y\nE").run)
        #expect(shell.arguments.last == "cat <<E > /x\n$y\nE")
        let copy = try #require(try onlyStep("FROM a\nENV y=1\nCOPY <<A <<'B' /d/\n$y'\nA\n$y\nB").copy)
        #expect(copy.documents.map(\.content) == ["1'\n", "$y\n"])
    }

    @Test func usesNamedContexts() throws {
        let contexts = [
            NamedContext(name: "src", source: .directory("/s")),
            NamedContext(name: "docker.io/library/alpine:latest", source: .image("mine")),
        ]
        let whole = try plan("FROM alpine\nCOPY --from=src a b\nRUN --mount=from=src,target=/m x", contexts: contexts)
        guard case .image(let image) = whole.stages[0].base else { throw BuildError(cause: "no image") }
        #expect(image.name == "mine")
        #expect(whole.stages[0].steps[0].copy?.source == .directory(name: "src", path: "/s"))
        #expect(whole.stages[0].steps[1].run?.mounts.first?.source == .directory(name: "src", path: "/s"))
    }

    @Test func resolvesMounts() throws {
        let text = """
            FROM a AS s
            FROM b
            ENV T=/cache
            WORKDIR /w
            RUN --mount=type=cache,target=$T,sharing=locked,id=x,uid=5,mode=0700 --mount=type=tmpfs,dst=rel,size=1m \
                --mount=type=secret,id=key --mount=type=secret,id=tok,env=TOKEN --mount=type=ssh \
                --mount=from=s,source=/a,target=/b,rw --mount=target=/ctx true
            """
        let mounts = try #require(try onlyStep(text).run).mounts
        #expect(
            mounts.map(\.target) == [
                "/cache", "/w/rel", "/run/secrets/key", "", "/run/buildkit/ssh_agent.0", "/b", "/ctx",
            ])
        #expect(mounts[0].mount.sharing == .locked && mounts[0].mount.uid == 5 && mounts[0].mount.mode == 0o700)
        #expect(!mounts[0].mount.isReadOnly && !mounts[5].mount.isReadOnly && mounts[6].mount.isReadOnly)
        #expect(mounts[1].mount.size == 1 << 20)
        #expect(mounts[5].source == .stage(0) && mounts[6].source == .context)
    }

    @Test(
        arguments: [
            ("644", 0o100, false, 0o644), ("u+x", 0o644, false, 0o744), ("a-w", 0o666, false, 0o444),
            ("go=", 0o777, false, 0o700),
            ("u=rwX,go=rX", 0o600, false, 0o644), ("u=rwX,go=rX", 0o600, true, 0o755), ("+x", 0o600, false, 0o711),
            ("g=u", 0o740, false, 0o770),
            ("u+s", 0o755, false, 0o4755), ("+t", 0o777, true, 0o1777), ("u+r-w", 0o300, false, 0o500),
            ("7777", 0, false, 0o7777),
        ] as [(String, UInt32, Bool, UInt32)]) func changesModes(
            _ text: String, _ mode: UInt32, _ isDirectory: Bool, _ wanted: UInt32
        ) throws
    {
        #expect(try ModeChange(text).applied(to: mode, isDirectory: isDirectory) == wanted)
    }

    @Test(arguments: ["", "8", "77777", "x+r", "u", "u+r,", "u!r", "0o7", "u+-q"]) func refusesModes(_ text: String) {
        #expect(throws: PatternError.self) { try ModeChange(text) }
    }
}
