import CommandLine
import Engine

/// `berth cp`.
enum CopyCommand {
    static let command = Command(
        "cp", identifier: "container cp",
        summary: "Copy files/folders between a container and the local filesystem",
        usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-  or  SRC_PATH|- CONTAINER:DEST_PATH", operands: .exactly(2),
        fullNames: ["container cp", "cp"],
        examples: [
            .init("berth cp web:/etc/nginx/nginx.conf .", "a file out of a container, running or not"),
            .init("berth cp site/. web:/var/www", "what a directory holds into a container"),
            .init("berth cp web:/var/log - | tar t", "as a tar archive"),
        ],
        flags: {
            [
                Flag("archive", "a", .boolean, "Archive mode (copy all uid/gid information)"),
                Flag("follow-link", "L", .boolean, "Always follow symbol link in SRC_PATH"),
                Flag("quiet", "q", .boolean, "Suppress progress output during copy"),
            ]
        })

    static func options(_ invocation: Invocation) throws(UsageError) -> CopyRequest {
        func refusal(_ text: String) -> UsageError {
            UsageError("\(invocation.path[0]): \(text)", command: invocation.path.joined(separator: " "), status: 1)
        }
        let source = split(invocation.operands[0]), target = split(invocation.operands[1])
        var request: CopyRequest
        switch (source.container, target.container) {
        case (let container?, nil):
            request = CopyRequest(container: container, inside: source.path, outside: target.path, isInto: false)
        case (nil, let container?):
            request = CopyRequest(container: container, inside: target.path, outside: source.path, isInto: true)
        case (nil, nil): throw refusal("must specify at least one container source")
        default: throw refusal("copying between containers is not supported")
        }
        guard !source.path.isEmpty, !target.path.isEmpty || target.container != nil else {
            throw refusal("a path may not be empty")
        }
        request.keepsOwners = invocation.flags.flag("archive")
        request.followsLink = invocation.flags.flag("follow-link")
        return request
    }

    /// CONTAINER:PATH, or a path of the host: absolute, beginning with a dot, or without a colon.
    static func split(_ text: String) -> (container: String?, path: String) {
        if ByteText.begins(text, with: "/") || ByteText.begins(text, with: ".") { return (nil, text) }
        guard let parts = ByteText.cut(text, at: ":"), !parts.before.isEmpty, !parts.before.utf8.contains(0x2F) else {
            return (nil, text)
        }
        return (parts.before, parts.after)
    }
}

/// `berth diff`.
enum DiffCommand {
    static let command = Command(
        "diff", identifier: "container diff",
        summary: "Inspect changes to files or directories on a container's filesystem", usage: "CONTAINER",
        operands: .exactly(1), fullNames: ["container diff", "diff"])
}
