import CommandLine
import ContainerNetwork
import Testing

@testable import berth

@Suite struct RunTests {
    @Test func everyOption() throws {
        let options = try runOptions(
            "--rm", "-dit", "--name", "web", "-e", "A=1", "-e", "HOME", "-e", "NOPE", "--env-file", "vars", "-w",
            "/srv", "-u", "1:2", "-v",
            "./src:/src", "--mount", "type=tmpfs,dst=/t", "--tmpfs", "/u", "-m", "64m", "--memory-swap", "-1", "--cpus",
            "0.2",
            "--pids-limit", "64", "-p", "8080:80", "--network", "none", "-h", "box", "--read-only", "--entrypoint", "",
            "--label", "a=b", "-l",
            "c", "--label", "a=d", "--init", "--userns=host", "--cap-add", "NET_ADMIN", "--cap-drop=ALL",
            "--security-opt",
            "no-new-privileges", "--security-opt=seccomp=prof", "--cidfile", "id", "--stop-signal", "INT",
            "--stop-timeout", "3",
            "--memory-reservation=32m", "--cpu-shares", "512", "--cpu-quota=5000", "--cpu-period", "10000",
            "--cpuset-cpus=0-1",
            "--cpuset-mems", "0", "--ulimit", "nofile=10:20", "--shm-size=1g", "--add-host", "db:1.2.3.4",
            "--dns=9.9.9.9", "-P",
            "--group-add", "audio", "--sysctl", "net.core.somaxconn=5", "--domainname", "example.org",
            "--oom-score-adj=-5", "img:1",
            "sh", "-c", "exit 3", "--rm",
            view: caller(variables: ["HOME": "/root"], files: ["vars": "X=1\n", "prof": "{}"]))
        #expect(options.image == "img:1" && options.arguments == ["sh", "-c", "exit 3", "--rm"])
        #expect(
            options.removesItself && options.detach && options.interactive && options.terminal && options.usesInit
                && options.isReadOnly)
        #expect(options.environment == ["X=1", "A=1", "HOME=/root"])
        #expect(
            options.workingDirectory == "/srv" && options.user == "1:2" && options.name == "web"
                && options.hostName == "box")
        #expect(options.mounts.map(\.destination) == ["/src", "/t", "/u"])
        #expect(options.mounts[0].source == .path("/home/me/src", makesMissing: true))
        #expect(
            options.limits
                == LimitOptions(
                    memory: 64 << 20, memorySwap: -1, memoryReservation: 32 << 20, nanoProcessors: 200_000_000,
                    cpuShares: 512,
                    cpuQuota: 5000, cpuPeriod: 10000, processors: "0-1", memoryNodes: "0", processes: 64))
        #expect(options.ports == [PortRequest(hostPort: 8080, containerPort: 80)])
        #expect(options.network == "none" && options.entrypoint == "" && options.usesHostUsers && options.publishesAll)
        #expect(options.labels.map { "\($0.name)=\($0.value)" } == ["c=", "a=d"])
        #expect(options.capabilitiesAdded == ["NET_ADMIN"] && options.capabilitiesDropped == ["ALL"])
        #expect(options.security.noNewPrivileges && options.security.seccomp == .file("prof"))
        #expect(options.seccompProfile == Array("{}".utf8))
        #expect(options.containerIDFile == "id" && options.stopSignal == "INT" && options.stopTimeout == 3)
        #expect(options.resourceBounds.first?.hard == 20 && options.sharedMemorySize == 1 << 30)
        #expect(options.hosts == ["db:1.2.3.4"] && options.nameServers == ["9.9.9.9"] && options.groups == ["audio"])
        #expect(options.kernelSettings.first?.key == "net.core.somaxconn" && options.domainName == "example.org")
        #expect(options.outOfMemoryScore == -5)
    }

    @Test func nothingGiven() throws {
        let options = try runOptions("img")
        #expect(
            options.network == "bridge" && options.entrypoint == nil && options.environment.isEmpty
                && options.limits == LimitOptions())
        #expect(
            options.stopTimeout == nil && options.user == nil && !options.usesHostUsers
                && options.sharedMemorySize == nil)
        #expect(try runOptions("-u", "", "--hostname=", "img").name == nil)
    }

    @Test(
        arguments: [
            (
                ["--restart", "sometimes"],
                "invalid argument \"sometimes\" for \"--restart\" flag: write no, always, unless-stopped, on-failure or on-failure:COUNT"
            ),
            (
                ["--device", "fuse"],
                "invalid argument \"fuse\" for \"--device\" flag: bad format for path: write HOST-PATH[:CONTAINER-PATH][:rwm]; devices by CDI names are not supported yet"
            ),
            (["--gpus", "all"], "berth: --gpus is not supported yet"),
            (["--runtime", "runc"], "berth: --runtime is not supported: berth runs containers itself"),
            (
                ["-a", "console"],
                "invalid argument \"console\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT and STDERR"
            ),
            (
                ["--pid", "host"],
                "berth: --pid host needs --userns host: with users of its own a container has no rights over the host's"
            ),
            (["--cpu-count", "1"], "berth: --cpu-count is not supported: it is for Windows"),
            (
                ["--network", "name=mine,ipx=1"],
                "invalid argument \"name=mine,ipx=1\" for \"--network\" flag: the field \"ipx\" of --network is not supported: there are name, alias, ip, ip6, mac-address"
            ),
            (["--network="], "invalid argument \"\" for \"--network\" flag: no name set for network"),
            (
                ["--pull", "foo"],
                "invalid argument \"foo\" for \"--pull\" flag: must be one of \"always\", \"missing\" or \"never\""
            ),
            (
                ["--name", ""],
                "invalid argument \"\" for \"--name\" flag: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to 255 of them"
            ),
            (
                ["--name", "-x"],
                "invalid argument \"-x\" for \"--name\" flag: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to 255 of them"
            ),
            (
                ["-w", "rel"],
                "invalid argument \"rel\" for \"-w, --workdir\" flag: the working directory 'rel' is invalid, it needs to be an absolute path"
            ),
            (["-p", "99999"], "invalid argument \"99999\" for \"-p, --publish\" flag: invalid containerPort: 99999"),
            (["-e", "=x"], "invalid argument \"=x\" for \"-e, --env\" flag: invalid environment variable: =x"),
            (["--dns", "x"], "invalid argument \"x\" for \"--dns\" flag: IP address is not correctly formatted: x"),
            (
                ["--oom-score-adj", "1001"],
                "invalid argument \"1001\" for \"--oom-score-adj\" flag: it is not between -1000 and 1000"
            ),
            (["--env-file", "/none"], "berth: cannot read the environment file /none: no such file or directory"),
            (
                ["--security-opt", "seccomp=/none"],
                "berth: opening seccomp profile (/none) failed: no such file or directory"
            ),
            (["-v", "/a:/x", "--tmpfs", "/x/"], "berth: Duplicate mount point: /x/"),
            (
                ["--network=host", "--sysctl", "net.core.somaxconn=1"],
                "berth: conflicting options: --sysctl of net with --network host would change the host"
            ),
            (["--userns", "foo"], "invalid argument \"foo\" for \"--userns\" flag: invalid USER mode"),
            (
                ["--cpuset-cpus", "1-0"],
                "invalid argument \"1-0\" for \"--cpuset-cpus\" flag: it is not a list such as 0-3,7"
            ),
            (["--cpus", "-1"], "invalid argument \"-1\" for \"--cpus\" flag: \"-1\" is less than 0"),
            (
                ["--hostname", "a b"],
                "invalid argument \"a b\" for \"-h, --hostname\" flag: it is not a host name of at most 64 letters, digits, dots and dashes"
            ),
        ] as [([String], String)])
    func refusals(_ words: [String], _ sentence: String) {
        #expect(refusal(["run"] + words + ["img"]) == sentence)
        guard case .failure(let error) = BerthProgram.parse(["run"] + words + ["img"], caller: caller()) else { return }
        #expect(error.status == 125)
    }

    @Test func whatAsksForNothingIsTaken() throws {
        _ = try runOptions(
            "--restart", "no", "--privileged=false", "--sig-proxy", "--pull=never", "--pid=", "--ipc=private",
            "--isolation=default",
            "--memory-swappiness=-1", "--log-driver", "json-file", "--no-healthcheck", "-q", "--disable-content-trust",
            "--detach-keys",
            "ctrl-p,ctrl-q", "--cgroupns=private", "--health-interval=0s", "--volume-driver=local", "--net", "host",
            "img")
        #expect(try runOptions("--net", "none", "img").network == "none")
        #expect(try runOptions("--network", "default", "img").network == "bridge")
    }

    @Test func emptyImage() {
        #expect(refusal(["run", ""]) == "berth: invalid reference format: the image's name is empty")
    }
}

@Suite struct OtherCommandTests {
    @Test func requests() throws {
        if case .exec(let options) = try request(["exec", "-it", "-e", "A=b", "-w", "/x", "-u", "5", "web", "sh", "-l"])
        {
            #expect(
                options
                    == ExecOptions(
                        container: "web", arguments: ["sh", "-l"], interactive: true, terminal: true,
                        environment: ["A=b"],
                        workingDirectory: "/x", user: "5"))
        } else {
            Issue.record("exec")
        }
        if case .ps(let options) = try request(["container", "list", "-aqn", "3", "--no-trunc"]) {
            #expect(options == PsOptions(all: true, quiet: true, truncates: false, last: 3))
        } else {
            Issue.record("ps")
        }
        if case .logs(let options) = try request(["logs", "web", "-f", "-n5", "--since=10m", "--tail", "7", "-t"]) {
            #expect(
                options
                    == LogsOptions(
                        container: "web", follow: true, tail: 7, since: .ago(nanoseconds: 600_000_000_000),
                        timestamps: true))
        } else {
            Issue.record("logs")
        }
        if case .stop(let options) = try request(["stop", "-t", "-1", "a", "-s", "INT", "b"]) {
            #expect(options == StopOptions(containers: ["a", "b"], signal: "INT", timeout: -1))
        } else {
            Issue.record("stop")
        }
        if case .kill(let options) = try request(["kill", "a"]) {
            #expect(options.signal == "KILL")
        } else {
            Issue.record("kill")
        }
        if case .remove(let options) = try request(["container", "remove", "-fv", "a"]) {
            #expect(options == RemoveOptions(containers: ["a"], force: true, volumes: true))
        } else {
            Issue.record("rm")
        }
        if case .wait(let names) = try request(["wait", "a", "b"]) {
            #expect(names == ["a", "b"])
        } else {
            Issue.record("wait")
        }
        for (words, kind) in [
            (["inspect", "x"], nil), (["inspect", "--type", "image", "x"], .image),
            (["image", "inspect", "x"], .image),
            (["container", "inspect", "x"], .container),
        ] as [([String], InspectOptions.Kind?)] {
            if case .inspect(let options) = try request(words) {
                #expect(options == InspectOptions(names: ["x"], kind: kind))
            } else {
                Issue.record("inspect")
            }
        }
        if case .images(let options) = try request(["image", "ls", "-q", "base"]) {
            #expect(options == ImagesOptions(reference: "base", quiet: true))
        } else {
            Issue.record("images")
        }
        if case .removeImage(let options) = try request(["rmi", "-f", "a", "b"]) {
            #expect(options == RemoveImageOptions(images: ["a", "b"], force: true))
        } else {
            Issue.record("rmi")
        }
        if case .importImage(let options) = try request(["import", "-", "base:1"]) {
            #expect(options == ImportOptions(source: "-", reference: "base:1"))
        } else {
            Issue.record("import")
        }
        if case .load(let options) = try request(["load", "-i", "x.tar", "-q"]) {
            #expect(options == LoadOptions(input: "x.tar", quiet: true))
        } else {
            Issue.record("load")
        }
        if case .version = try request(["version"]) {} else { Issue.record("version") }
        if case .shortVersion = try request(["-v"]) {} else { Issue.record("-v") }
        if case .info = try request(["system", "info"]) {} else { Issue.record("info") }
    }

    @Test(
        arguments: [
            (["exec", "web"], "berth: 'berth exec' requires at least 2 arguments"),
            (["stop"], "berth: 'berth stop' requires at least 1 argument"),
            (["logs", "a", "b"], "berth: 'berth logs' requires 1 argument"),
            (["images", "a", "b"], "berth: 'berth images' requires at most 1 argument"),
            (["load", "x"], "berth: 'berth load' accepts no arguments"),
            (["import", "", "a"], "berth: the name of the archive is empty"),
            (
                ["ps", "-f", "name"],
                "invalid argument \"name\" for \"-f, --filter\" flag: invalid filter \"name\": write one of ancestor, before, exited, expose, health, id, label, name, network, publish, since, status, volume, = and a value"
            ),
            (
                ["inspect", "--type=plugin", "x"],
                "invalid argument \"plugin\" for \"--type\" flag: it is not container, image, network or volume"
            ),
            (["logs", "-n", "x", "a"], "invalid argument \"x\" for \"-n, --tail\" flag: \"x\" is not a whole number"),
            (
                ["logs", "--since", "then", "a"],
                "invalid argument \"then\" for \"--since\" flag: \"then\" is not a time such as 2026-01-31T12:00:00Z, 1136073600 or 10m"
            ),
            (
                ["stop", "-t", "5s", "a"],
                "invalid argument \"5s\" for \"-t, --timeout\" flag: \"5s\" is not a whole number"
            ),
            (["creat", "x"], "berth: unknown command: berth creat"),
            (
                ["exec", "-u", "0:", "a", "b"],
                "invalid argument \"0:\" for \"-u, --user\" flag: the group is empty; write USER or USER:GROUP"
            ),
        ] as [([String], String)])
    func refusals(_ words: [String], _ sentence: String) { #expect(refusal(words) == sentence) }

    @Test func roots() {
        func root(_ words: [String], _ variables: [String: String] = [:]) -> String? {
            guard case .request(_, let settings) = BerthProgram.parse(words, caller: caller(variables: variables))
            else { return "?" }
            return settings.root
        }
        #expect(root(["ps"]) == nil)
        #expect(root(["ps"], ["BERTH_ROOT": "/x"]) == "/x")
        #expect(root(["--root", "/y", "ps"], ["BERTH_ROOT": "/x"]) == "/y")
    }
}

@Suite struct TableTests {
    private func walk(_ command: Command, _ path: [String], _ visit: (Command, [String]) -> Void) {
        visit(command, path)
        for child in command.subcommands { walk(child, path + [child.name], visit) }
    }

    @Test func tablesAreConsistent() {
        walk(BerthProgram.command, ["berth"]) { command, path in
            let flags = command.flags()
            #expect(Set(flags.map(\.name)).count == flags.count, "a flag twice in \(path)")
            let shorts = flags.compactMap(\.short)
            #expect(Set(shorts).count == shorts.count, "a letter twice in \(path)")
            let names = command.subcommands.flatMap { [$0.name] + $0.aliases }
            #expect(Set(names).count == names.count, "a command twice in \(path)")
            for flag in flags {
                #expect(!flag.help.isEmpty && !flag.help.hasSuffix("."), "\(path) --\(flag.name)")
                #expect(flag.name.utf8.allSatisfy { (97...122).contains($0) || $0 == 45 || (48...57).contains($0) })
            }
            let help = command.help(path)
            #expect(help.hasPrefix("Usage:  \(path.joined(separator: " "))"))
            // Command lists and alias lines may be longer, flags not.
            for line in help.split(separator: "\n") where line.hasPrefix("   ") { #expect(line.count <= 80, "\(line)") }
            for name in command.fullNames {
                #expect(found(name.split(separator: " ").map(String.init)) == command.identifier, "\(name)")
            }
        }
    }

    private func found(_ words: [String]) -> String? {
        var command = BerthProgram.command
        for word in words {
            guard let next = command.subcommands.first(where: { $0.name == word || $0.aliases.contains(word) }) else {
                return nil
            }
            command = next
        }
        return command.identifier
    }

    /// Every flag of docker 28's `run` is in the table: carried out, or refused by its name.
    @Test func runKnowsEveryFlagOfDocker() {
        let docker = """
            add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count \
            cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach detach-keys \
            device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns \
            dns-option dns-search domainname entrypoint env env-file expose gpus group-add health-cmd health-interval health-retries \
            health-start-interval health-start-period health-timeout hostname init interactive io-maxbandwidth io-maxiops ip ip6 ipc \
            isolation kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory memory-reservation \
            memory-swap memory-swappiness mount name network network-alias no-healthcheck oom-kill-disable oom-score-adj pid \
            pids-limit platform privileged publish publish-all pull quiet read-only restart rm runtime security-opt shm-size \
            sig-proxy stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket user userns uts volume \
            volume-driver volumes-from workdir
            """
        let known = Set(RunFlags.all().map(\.name))
        for name in docker.split(separator: " ") { #expect(known.contains(String(name)), "--\(name)") }
    }

    @Test func hostileWordsNeverReachTheTerminalRaw() {
        for nasty in ["\u{1B}]0;x\u{7}\u{9B}2J\n\r", "\u{9B}2J\u{202E}", "x\u{9B}2J:/\u{9B}:\u{9B}"] { check(nasty) }
    }

    private func check(_ nasty: String) {
        for words in [
            [nasty], ["run", "--" + nasty], ["run", "-" + nasty], ["run", "--name", nasty, "i"],
            ["run", "-v", nasty, "i"],
            ["run", "--mount", nasty, "i"], ["run", "-p", nasty, "i"], ["run", "-p", "80/" + nasty, "i"],
            ["run", "--tmpfs", nasty, "i"],
            ["run", "-u", nasty, "i"], ["run", "-m", nasty, "i"], ["run", "--cpus", nasty, "i"],
            ["run", "--ulimit", nasty, "i"],
            ["run", "--ulimit", "nofile=" + nasty, "i"], ["run", "--ulimit", nasty + "=1", "i"],
            ["run", "--add-host", nasty, "i"], ["run", "--dns", nasty, "i"],
            ["run", "--sysctl", nasty, "i"], ["run", "--security-opt", nasty, "i"], ["run", "--env-file", nasty, "i"],
            ["run", "-e", "=" + nasty, "i"], ["run", "-l", nasty, "i"], ["run", "--network", nasty, "i"],
            ["run", "-w", nasty, "i"],
            ["run", "--health-interval", nasty, "i"], ["run", "--hostname", nasty, "i"],
            ["logs", "--since", nasty, "i"],
            ["run", "--mount", "type=bind,src=/a,dst=/b," + nasty + "=1", "i"],
            ["run", "--security-opt", "seccomp=" + nasty, "i"],
        ] {
            // Some are names a container may well have (a label, a file): then there is nothing to print.
            guard case .failure(let error) = BerthProgram.parse(words, caller: caller()) else { continue }
            let text = error.description
            #expect(
                !text.unicodeScalars.contains {
                    ($0.value < 32 && $0.value != 10) || (127..<160).contains($0.value) || $0.value == 0x202E
                }, "\(words)")
        }
    }
}
