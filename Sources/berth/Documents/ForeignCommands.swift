import CommandLine

/// Commands of Docker's that Berth has no use for: each says in one sentence what works instead.
enum ForeignCommands {
    private static let oneMachine =
        "berth runs containers on this machine alone, without a cluster: start them with \"berth run -d\" on each machine"

    static let all: [Command] = [
        Command(
            refused: "compose", summary: "Define and run multi-container applications",
            "compose is not part of berth: make a network with \"berth network create app\" and start each service with \"berth run -d --network app --name SERVICE IMAGE\"; the services then find one another by name"
        ),
        Command(
            refused: "context", summary: "Manage contexts",
            "there are no contexts, because there is no daemon to choose: another engine on this machine is \"berth --root DIR\", one on another machine is \"ssh HOST berth\""
        ),
        Command(refused: "swarm", summary: "Manage Swarm", oneMachine),
        Command(refused: "node", summary: "Manage Swarm nodes", oneMachine),
        Command(
            refused: "service", summary: "Manage Swarm services",
            "berth has no services of a cluster: \"berth run -d\" starts a container on this machine"),
        Command(
            refused: "stack", summary: "Manage Swarm stacks",
            "berth has no stacks of a cluster: start each container with \"berth run -d --network NAME\""),
        Command(
            refused: "secret", summary: "Manage Swarm secrets",
            "berth keeps no secrets of a cluster: give a container a file with \"-v FILE:/run/secrets/NAME:ro\", a build one with \"berth build --secret id=NAME,src=FILE\""
        ),
        Command(
            refused: "config", summary: "Manage Swarm configs",
            "berth keeps no configs of a cluster: give a container a file with \"-v FILE:/PATH:ro\""),
        Command(
            refused: "plugin", summary: "Manage plugins",
            "berth has no plugins: volumes are directories, and networks are made with \"berth network create --driver bridge|macvlan\""
        ),
        Command(
            refused: "trust", summary: "Manage trust on Docker images",
            "berth does not sign images: name one by its content, as in \"berth pull NAME@sha256:DIGEST\", and it can be no other"
        ),
        Command(
            refused: "checkpoint", summary: "Manage checkpoints",
            "berth does not checkpoint containers: \"berth commit CONTAINER IMAGE\" keeps its files, and \"berth-runtime checkpoint\" saves the processes of a bundle"
        ),
    ]
}
