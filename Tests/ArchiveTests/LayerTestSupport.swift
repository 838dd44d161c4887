import Archive
import ImageTestSupport
import LinuxKernel
import Testing

/// A place for one layer with something beside it that must not change. Attacks aim only at what is made here: it lies deep
/// enough that `../../..` from the layer stays in the test's own directory even where an attack works.
struct LayerSite: ~Copyable {
    let directory: TemporaryDirectory
    var base: String { "\(directory.path)/1/2/3/4/5/6/7/8" }
    var path: String { "\(base)/layer" }
    var outside: String { "\(base)/outside" }

    init() throws {
        let made = try TemporaryDirectory()
        let base = "\(made.path)/1/2/3/4/5/6/7/8"
        try Files.makeDirectories("\(base)/layer")
        try Files.makeDirectory("\(base)/outside")
        try write("untouched", to: "\(base)/outside/file")
        directory = made
    }

    /// Applies the items as a layer.
    @discardableResult
    func apply(_ items: [Item], above lowers: [String] = [], to name: String = "layer") throws(ArchiveError)
        -> LayerSummary
    {
        try apply(bytes: try tar(items), above: lowers, to: name)
    }

    @discardableResult
    func apply(bytes: [UInt8], above lowers: [String] = [], to name: String = "layer") throws(ArchiveError)
        -> LayerSummary
    {
        let root: FileDescriptor
        do throws(Errno) {
            let target = "\(base)/\(name)"
            if !Files.exists(target) { try Files.makeDirectory(target) }
            root = try Files.open(target, [.readOnly, .directory])
        } catch { throw ArchiveError(operation: "set up", object: "the test", cause: "\(error)") }
        return try LayerApplier.apply(
            TarReader(MemorySource(bytes), endMarker: .required), to: root,
            above: lowers.map { LowerDirectory(path: "\(base)/\($0)") })
    }

    /// Nothing but the layer was touched.
    func expectNothingOutside(_ location: SourceLocation = #_sourceLocation) throws {
        // Every directory from the test's own down to the layer's parent holds the next one and nothing else.
        var parent = directory.path
        for level in 1...8 {
            #expect(try names(parent) == ["\(level)"], sourceLocation: location)
            parent += "/\(level)"
        }
        let layers: Set = ["layer", "second", "0", "1", "2", "3"]
        #expect(try Set(names(base)).subtracting(layers) == ["outside"], sourceLocation: location)
        #expect(try names(outside) == ["file"], sourceLocation: location)
        #expect(try text("\(outside)/file") == "untouched", sourceLocation: location)
        for path in [outside, "\(outside)/file"] {
            let status = try Files.status(path)
            #expect(status.uid == 0, sourceLocation: location)
            #expect(status.permissions & 0o022 == 0, sourceLocation: location)
        }
        #expect(try Files.status("\(outside)/file").linkCount == 1, sourceLocation: location)
        #expect(
            try Files.open(outside, [.readOnly, .directory]).extendedAttributeNames() == [], sourceLocation: location)
    }

    private func names(_ path: String) throws -> [String] {
        try Files.open(path, [.readOnly, .directory]).directoryEntries().map(\.name.description).sorted()
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
