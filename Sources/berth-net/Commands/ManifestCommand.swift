import CommandLine
import JSON
import LinuxKernel
import OCI
import RegistryClient

extension NetProgram {
    private var lists: ManifestLists { ManifestLists(directory: "\(root)/manifests") }

    private func reference(_ place: Int) throws -> Reference {
        try Reference(parsing: invocation.operands[place]).withDefaultTag
    }

    /// `manifest create`.
    func createManifestList() async throws -> Int32 {
        let name = try reference(0)
        let members = try (1..<invocation.operands.count).map { try reference($0) }
        try await lists.create(name, of: members, amending: invocation.flags.flag("amend"), session)
        writeText("Created manifest list \(name)\n", to: 1)
        return 0
    }

    /// `manifest annotate`.
    func annotateManifestList() throws -> Int32 {
        let flags = invocation.flags
        var annotation = ManifestLists.Annotation()
        annotation.os = flags.string("os")
        annotation.architecture = flags.string("arch")
        annotation.variant = flags.string("variant")
        annotation.osVersion = flags.string("os-version")
        annotation.osFeatures = flags.commaList("os-features")
        try lists.annotate(try reference(0), try reference(1), annotation)
        return 0
    }

    /// `manifest inspect`.
    func inspectManifest() async throws -> Int32 {
        let name = try reference(invocation.operands.count - 1)
        let document: FetchedManifest
        if invocation.operands.count == 1, let list = try lists.list(name) {
            document = ManifestLists.document(list)
        } else {
            document = try await Repository(name, session).manifest(
                name.digest?.description ?? name.tag ?? Reference.defaultTag, operation: "inspect")
        }
        guard invocation.flags.flag("verbose") else {
            writeText(try JSONValue(parsing: document.bytes).text(indent: 8) + "\n", to: 1)
            return 0
        }
        if MediaType.isIndex(document.mediaType) {
            var list = [JSONValue]()
            for entry in try ImageIndex(parsing: document.bytes).manifests {
                let child = try await Repository(name, session).manifest(
                    entry.digest.description, size: entry.size, operation: "inspect")
                list.append(try described(name.pinned(to: entry.digest), entry, child))
            }
            writeText(JSONValue.array(list).text(indent: 8) + "\n", to: 1)
        } else {
            writeText(try described(name, document.descriptor, document).text(indent: 8) + "\n", to: 1)
        }
        return 0
    }

    private func described(_ name: Reference, _ entry: Descriptor, _ manifest: FetchedManifest) throws -> JSONValue {
        let key = manifest.mediaType == MediaType.dockerManifest ? "SchemaV2Manifest" : "OCIManifest"
        return [
            "Ref": .string(name.description), "Descriptor": entry.json, key: try JSONValue(parsing: manifest.bytes),
        ]
    }

    /// `manifest push`.
    func pushManifestList() async throws -> Int32 {
        let name = try reference(0)
        let pushed = try await lists.push(
            name, session, scratch: "\(root)/images/scratch", progress: SilentProgress())
        if invocation.flags.flag("purge") { _ = try lists.remove(name) }
        writeText("\(pushed.digest)\n", to: 1)
        return 0
    }

    /// `manifest rm`.
    func removeManifestLists() throws -> Int32 {
        var status: Int32 = 0
        for place in invocation.operands.indices {
            let name = try reference(place)
            if try lists.remove(name) { continue }
            writeText("berth: No such manifest: \(printable(name.description))\n", to: 2)
            status = 1
        }
        return status
    }
}
