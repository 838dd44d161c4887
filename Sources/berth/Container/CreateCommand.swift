import CommandLine

/// `berth create`.
enum CreateCommand {
    static let command = Command(
        "create", identifier: "container create", summary: "Create a new container",
        usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]", operands: .atLeast(1), interspersed: false,
        fullNames: ["container create", "create"],
        examples: [.init("berth create --name web -p 8080:80 site && berth start web", "a container, started later")],
        flags: { RunFlags.all().filter { !["detach", "detach-keys", "sig-proxy"].contains($0.name) } })
}
