import Archive
import ImageTestSupport
import LinuxKernel
import Testing

/// A place for one layer with something beside it that must not change.
struct LayerSite: ~Copyable {
    let directory: TemporaryDirectory
    var path: String { "\(directory.path)/layer" }
    var outside: String { "\(directory.path)/outside" }

    init() throws {
        let made = try TemporaryDirectory()
        try Files.makeDirectory("\(made.path)/layer")
        try Files.makeDirectory("\(made.path)/outside")
        try write("untouched", to: "\(made.path)/outside/file")
        directory = made
    }

    /// Applies the items as a layer.
    @discardableResult
    func apply(_ items: [Item], above lowers: [String] = [], to name: String = "layer") throws(ArchiveError) -> LayerSummary {
        try apply(bytes: try tar(items), above: lowers, to: name)
    }

    @discardableResult
    func apply(bytes: [UInt8], above lowers: [String] = [], to name: String = "layer") throws(ArchiveError) -> LayerSummary {
        let root: FileDescriptor
        do throws(Errno) {
            let target = "\(directory.path)/\(name)"
            if !Files.exists(target) { try Files.makeDirectory(target) }
            root = try Files.open(target, [.readOnly, .directory])
        } catch { throw ArchiveError(operation: "set up", object: "the test", cause: "\(error)") }
        return try LayerApplier.apply(
            TarReader(MemorySource(bytes), endMarker: .required), to: root, above: lowers.map { LowerDirectory(path: "\(directory.path)/\($0)") })
    }

    /// Nothing but the layer was touched.
    func expectNothingOutside(_ location: SourceLocation = #_sourceLocation) throws {
        #expect(try tree(outside) == ["file"], sourceLocation: location)
        #expect(try text("\(outside)/file") == "untouched", sourceLocation: location)
        #expect(try Files.open(directory.path, [.readOnly, .directory]).directoryEntries().count <= 5, sourceLocation: location)
        for name in ["evil", "x", "passwd"] {
            #expect(!Files.exists("\(directory.path)/\(name)"), sourceLocation: location)
            #expect(!Files.exists("/var/tmp/\(name)"), sourceLocation: location)
            #expect(!Files.exists("/\(name)"), sourceLocation: location)
        }
    }

    func status(_ name: String) throws -> FileStatus { try Files.status("\(path)/\(name)") }

    func isWhiteout(_ name: String) throws -> Bool {
        let status = try status(name)
        return status.kind == .characterDevice && status.deviceNumber == (0, 0)
    }

    func isOpaque(_ name: String) throws -> Bool {
        let directory = try Files.open("\(path)/\(name)", [.readOnly, .directory])
        return (try? directory.extendedAttribute("trusted.overlay.opaque")) == [UInt8(ascii: "y")]
    }
}
