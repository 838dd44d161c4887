import JSON
import OCI

/// A seccomp profile in Docker's JSON form (`--security-opt seccomp=FILE`): the specification's, with `archMap` instead
/// of `architectures` and rules that hold only with or without certain capabilities.
enum SeccompProfileFile {
    static func parse(_ text: String, capabilities: Set<String>) throws(EngineError) -> RuntimeSeccomp {
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: text).objectValue else {
                throw JSONError(problem: "an object was expected")
            }
            var rules = [RuntimeSeccompRule]()
            for rule in try object.decodeArray("syscalls", { (entry) throws(JSONError) in entry }) ?? [] {
                guard try applies(rule, capabilities) else { continue }
                var names = try rule.strings("names") ?? []
                if let name = try rule.string("name") { names.append(name) }
                let arguments = try rule.decodeArray("args") { (entry) throws(JSONError) in
                    RuntimeSeccompArgument(
                        index: try entry.integer("index") ?? 0, value: try entry.integer("value") ?? 0,
                        valueTwo: try entry.integer("valueTwo") ?? 0, op: try entry.string("op") ?? "SCMP_CMP_EQ")
                } ?? []
                rules.append(
                    RuntimeSeccompRule(
                        names: names, action: try rule.required("action", rule.string("action")),
                        errnoRet: try rule.integer("errnoRet"), args: arguments))
            }
            var architectures = try object.strings("architectures") ?? []
            for entry in try object.decodeArray("archMap", { (entry) throws(JSONError) in entry }) ?? [] {
                guard try entry.string("architecture") == native else { continue }
                architectures = [native] + (try entry.strings("subArchitectures") ?? [])
            }
            return RuntimeSeccomp(
                defaultAction: try object.required("defaultAction", object.string("defaultAction")),
                defaultErrnoRet: try object.integer("defaultErrnoRet"), architectures: architectures, syscalls: rules)
        } catch {
            throw EngineError("the seccomp profile cannot be read: \(error)", exitCode: 125)
        }
    }

    private static var native: String {
        #if arch(x86_64)
        "SCMP_ARCH_X86_64"
        #else
        "SCMP_ARCH_AARCH64"
        #endif
    }

    private static func applies(_ rule: JSONObject, _ capabilities: Set<String>) throws(JSONError) -> Bool {
        #if arch(x86_64)
        let names: Set<String> = ["amd64", "x86_64"]
        #else
        let names: Set<String> = ["arm64", "aarch64"]
        #endif
        if let includes = try rule.object("includes") {
            if let caps = try includes.strings("caps"), !caps.allSatisfy(capabilities.contains) { return false }
            if let arches = try includes.strings("arches"), !arches.contains(where: names.contains) { return false }
        }
        if let excludes = try rule.object("excludes") {
            if let caps = try excludes.strings("caps"), caps.contains(where: capabilities.contains) { return false }
            if let arches = try excludes.strings("arches"), arches.contains(where: names.contains) { return false }
        }
        return true
    }
}
