import Glibc
import JSON
import LinuxKernel
public import OCI

/// The points of a container's life at which a configuration may have programs run (config.md, "POSIX-platform Hooks").
public enum HookKind: String, Sendable, CaseIterable {
    /// Like ``createRuntime``, and before it (deprecated by the specification).
    case prestart
    /// In the runtime's namespaces, once the container's are made and its mounts in place, before its root is entered.
    case createRuntime
    /// In the container's namespaces, its program found where the runtime's is, before the root is entered.
    case createContainer
    /// In the container, its program the container's own, right before the user's program.
    case startContainer
    /// In the runtime's namespaces, after the user's program has been started.
    case poststart
    /// In the runtime's namespaces, after the container is deleted.
    case poststop
}

extension RuntimeHooks {
    /// The hooks of one kind, in the order in which they run.
    public subscript(kind: HookKind) -> [RuntimeHook] {
        switch kind {
        case .prestart: prestart
        case .createRuntime: createRuntime
        case .createContainer: createContainer
        case .startContainer: startContainer
        case .poststart: poststart
        case .poststop: poststop
        }
    }
}

/// Runs hooks. Callers give the state that each reads from its standard input (runtime.md, "State").
public enum Hooks {
    /// Runs every hook of a kind in order, and stops at the first that fails: for the kinds whose failure ends the
    /// container's creation or start.
    ///
    /// - Parameters:
    ///   - state: the container's state, as `state` prints it.
    ///   - directory: where hooks of the runtime's namespaces work: the bundle.
    /// - Throws: ``RuntimeError`` naming the hook, how it failed and what it wrote.
    public static func run(
        _ kind: HookKind, of hooks: RuntimeHooks, state: JSONValue, directory: String? = nil
    ) throws(RuntimeError) {
        for hook in hooks[kind] {
            try HookProcess(hook, kind: kind, state: state.serialized(), directory: directory).run()
        }
    }

    /// Runs every hook of a kind, whatever became of the ones before: for `poststop`, whose failures are only told.
    ///
    /// - Returns: what failed.
    public static func runAll(
        _ kind: HookKind, of hooks: RuntimeHooks, state: JSONValue, directory: String? = nil
    ) -> [RuntimeError] {
        var failures = [RuntimeError]()
        for hook in hooks[kind] {
            do throws(RuntimeError) {
                try HookProcess(hook, kind: kind, state: state.serialized(), directory: directory).run()
            } catch { failures.append(error) }
        }
        return failures
    }

    /// The state that hooks read, for a container whose state file is not at hand.
    static func state(_ request: LaunchRequest, status: String, pid: Int32) -> JSONValue {
        let configuration = request.configuration
        var object = JSONObject([
            ("ociVersion", .string(configuration.ociVersion)), ("id", .string(request.id)),
            ("status", .string(status)), ("pid", JSONValue(pid)), ("bundle", .string(request.bundle)),
        ])
        if !configuration.annotations.isEmpty { object["annotations"] = JSONValue(configuration.annotations) }
        return .object(object)
    }
}
