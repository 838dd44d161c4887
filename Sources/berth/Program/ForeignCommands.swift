import CommandLine

/// Commands of Docker that Berth has no engine part for: each says in one sentence what works instead.
enum ForeignCommands {
    static let sentences: [String: String] = [
        "compose":
            "berth has no compose of its own yet: until there is one, start each service with berth run --network NAME --name SERVICE",
        "context": "berth has no contexts: it works on this host, and --root names another engine's directory",
        "swarm":
            "berth is one host's engine and has no swarm: run it on each host, with --restart for what must keep running",
        "node": "berth is one host's engine and has no cluster of nodes",
        "service": "berth has no services: berth run -d --restart always keeps a container running",
        "stack": "berth has no stacks: start each container with berth run, on a network of its own",
        "config": "berth has no swarm configurations: mount a file with --mount type=bind,src=FILE,dst=PATH,readonly",
        "secret": "berth has no swarm secrets: mount a file with --mount type=bind,src=FILE,dst=PATH,readonly",
        "plugin": "berth has no plugins: volumes, networks and log drivers are built in",
        "trust":
            "berth does not sign images yet: name an image by its digest (NAME@sha256:…) to be sure of its content",
        "checkpoint":
            "berth has no checkpoints of its containers; berth-runtime checkpoint and restore work on OCI bundles",
    ]

    /// The refusal of a command line that begins with one of them.
    static func refusal(_ words: [String], globals: [Flag]) -> UsageError? {
        var index = 0
        while index < words.count {
            let word = words[index]
            index += 1
            guard word.utf8.first == UInt8(ascii: "-") else {
                guard let sentence = sentences[word] else { return nil }
                return UsageError("berth: \(sentence)", command: "berth", status: 1)
            }
            let name = word.utf8.drop { $0 == UInt8(ascii: "-") }
            if let flag = globals.first(where: { $0.name.utf8.elementsEqual(name) }), flag.kind != .boolean {
                index += 1
            }
        }
        return nil
    }
}
