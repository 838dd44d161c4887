import Archive
import GoTemplate
import ImageStore
import JSON
import LinuxKernel
import OCI

/// A parser that gets bytes of anybody's making: whatever they are, it returns, and it never traps.
public struct FuzzTarget: Sendable {
    /// Its name on the command line.
    public let name: String
    /// Well-formed inputs that mutations start from.
    public let seeds: [[UInt8]]
    /// Tries one input. Only what parsers promise may be thrown, and it is swallowed here.
    public let run: @Sendable ([UInt8]) -> Void

    /// All there are.
    public static let all: [FuzzTarget] = [tar, compression, record, documents, names, templates, changes, registry]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func drain(_ source: any ByteSource, limit: Int = 4 << 20) throws(ArchiveError) {
        let buffer = InputBuffer(source)
        var read = 0
        while read < limit {
            let bytes = try buffer.available(limit: InputBuffer.capacity)
            if bytes.isEmpty { return }
            read += bytes.count
            buffer.consume(bytes.count)
        }
    }

    /// Tar archives in any of their forms, whole and byte by byte.
    static let tar = FuzzTarget(name: "tar", seeds: Seeds.tars) { bytes in
        for step in [Int.max, 7] {
            let reader = TarReader(InputBuffer(MemorySource(bytes, step: step)), endMarker: .optional)
            do throws(ArchiveError) {
                while try reader.next() != nil {
                    while try !reader.nextContent().isEmpty {}
                }
            } catch {}
        }
    }

    /// What gzip and zstd frames hold.
    static let compression = FuzzTarget(name: "compression", seeds: Seeds.compressed) { bytes in
        for step in [Int.max, 1] {
            do throws(ArchiveError) {
                try drain(try InputBuffer(MemorySource(bytes, step: step)).decompressed())
            } catch {}
        }
    }

    /// The record of a built layer's headers.
    static let record = FuzzTarget(name: "record", seeds: Seeds.records) { bytes in
        do {
            let root = try Files.open("/var/empty/../", [.readOnly, .directory])
            try drain(try RecordedTarSource(record: MemorySource(bytes), root: root, isStrict: false), limit: 1 << 20)
        } catch {}
    }

    /// JSON and the documents of images.
    static let documents = FuzzTarget(name: "json", seeds: Seeds.documents) { bytes in
        guard let value = try? JSONValue(parsing: bytes) else { return }
        // What was read is written so that it is read again as the same.
        let again = try? JSONValue(parsing: value.serialized())
        precondition(again == value, "a JSON value changed on its way through text")
        _ = try? ImageManifest(parsing: bytes)
        _ = try? ImageIndex(parsing: bytes)
        _ = try? ImageConfiguration(parsing: bytes)
    }

    /// References, digests, platforms, times.
    static let names = FuzzTarget(name: "names", seeds: Seeds.names) { bytes in
        let text = text(bytes)
        if let reference = try? Reference(parsing: text) {
            // The full form means the same.
            precondition((try? Reference(parsing: reference.description)) == reference, "a reference changed")
            precondition(reference.description.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "a reference holds odd bytes")
        }
        if let digest = try? Digest(parsing: text) { precondition(digest.description == text, "a digest changed") }
        _ = try? Platform(parsing: text)
        if let time = Timestamp(parsing: text) {
            precondition(
                Timestamp(parsing: time.description) == time || time.seconds < -62_135_596_800, "a time changed")
        }
    }

    /// Templates of `--format`.
    static let templates = FuzzTarget(name: "templates", seeds: Seeds.templates) { bytes in
        let data: JSONValue = ["Name": "web", "List": ["a", 1, nil], "Labels": ["x": "y"], "N": 3, "F": .double(1.5)]
        _ = try? Template(parsing: text(bytes)).text(for: data)
        _ = try? ListingFormat(parsing: text(bytes), table: "{{.Name}}").text(rows: [JSONObject()], headings: [:])
    }

    /// Instructions of `--change`.
    static let changes = FuzzTarget(name: "changes", seeds: Seeds.changes) { bytes in
        guard let change = try? ConfigurationChange(parsing: text(bytes)) else { return }
        var config = ImageConfiguration.Config()
        change.apply(to: &config)
    }
}
