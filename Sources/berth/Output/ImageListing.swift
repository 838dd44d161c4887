import CommandLine
import Engine
import GoTemplate
import ImageStore
import JSON
import LinuxKernel
import OCI

/// One line of `images`: an image under one of its names.
struct ImageRow {
    var image: StoredImage
    /// nil for an image without a name.
    var reference: Reference?

    /// How long ago, as the tables say it.
    static func since(_ created: Timestamp?) -> String {
        guard let created else { return "N/A" }
        return TimeSpan.rough(seconds: max(0, WallClock.seconds() - created.seconds)) + " ago"
    }

    /// A moment as Go prints it (`2024-05-01 12:00:00 +0000 UTC`), or in RFC 3339.
    static func goTime(_ moment: Timestamp, isShort: Bool = false) -> String {
        let text = Timestamp(seconds: moment.seconds).description
        if isShort { return text }
        return text.replacingBytes("T", " ").replacingBytes("Z", "") + " +0000 UTC"
    }
}

extension String {
    fileprivate func replacingBytes(_ one: Unicode.Scalar, _ other: String) -> String {
        unicodeScalars.map { $0 == one ? other : String(Character($0)) }.joined()
    }
}

/// What `images` lists.
struct ImageListing {
    private let options: ImagesOptions
    private(set) var rows = [ImageRow]()

    init(_ store: ImageStore, _ options: ImagesOptions) throws {
        self.options = options
        let images = try store.images()
        let kept = try images.filter { try Self.passes($0, options.filters, store) }
        for image in kept {
            if image.references.isEmpty { rows.append(ImageRow(image: image, reference: nil)) }
            rows += image.references.map { ImageRow(image: image, reference: $0) }
        }
        let patterns = options.filters.filter { $0.key == "reference" }.map(\.value)
        if !patterns.isEmpty { rows = rows.filter { row in patterns.contains { Self.matches(row.reference, $0) } } }
        guard let wanted = options.reference else { return }
        rows = rows.filter { Self.matches($0.reference, wanted) }
    }

    private static func passes(_ image: StoredImage, _ filters: [ListFilter], _ store: ImageStore) throws -> Bool {
        for filter in filters {
            switch filter.key {
            case "dangling":
                guard image.references.isEmpty == (filter.value == "true" || filter.value == "1") else { return false }
            case "label": guard PruneFilter.has(filter.value, image.configuration.config.labels) else { return false }
            case "label!": guard !PruneFilter.has(filter.value, image.configuration.config.labels) else { return false }
            case "before":
                guard let mine = image.created, let other = try store.resolve(filter.value).created, mine < other else {
                    return false
                }
            case "since":
                guard let mine = image.created, let other = try store.resolve(filter.value).created, mine > other else {
                    return false
                }
            case "until":
                let until = try TimeReference(parsing: filter.value).resolved(now: (WallClock.seconds(), 0))
                guard let mine = image.created, mine.seconds < until.seconds else { return false }
            default: break
            }
        }
        return true
    }

    /// Whether a name fits `REPOSITORY[:TAG]`, in which `*`, `?` and `[…]` stand for what they do in file names.
    static func matches(_ reference: Reference?, _ pattern: String) -> Bool {
        guard let reference else { return false }
        if let wanted = try? Reference(parsing: pattern) {
            if let digest = wanted.digest { return reference.name == wanted.name && reference.digest == digest }
            return reference.name == wanted.name && (wanted.tag == nil || wanted.tag == reference.tag)
        }
        return [reference.familiar, reference.familiarName, reference.description, reference.name].contains {
            FileNamePattern.matches($0, pattern)
        }
    }

    /// The listing as `--format` wants it.
    func text() throws -> String {
        let table =
            options.digests
            ? "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
            : "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
        let format = try GoTemplate.ListingFormat(parsing: options.format, table: table)
        return try format.text(
            rows: rows.map(fields),
            headings: [
                "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "ID": "IMAGE ID",
                "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "Size": "SIZE", "VirtualSize": "SIZE",
                "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE", "Containers": "CONTAINERS",
            ])
    }

    private func fields(_ row: ImageRow) -> JSONObject {
        let image = row.image
        let size = ByteSize.decimalText(image.size)
        return JSONObject([
            ("Containers", "N/A"), ("CreatedAt", .string(image.created.map { ImageRow.goTime($0) } ?? "N/A")),
            ("CreatedSince", .string(ImageRow.since(image.created))),
            ("Digest", .string(row.reference == nil ? "<none>" : image.manifestDigest.description)),
            ("ID", .string(options.truncates ? image.id.short : image.id.description)),
            ("Repository", .string(row.reference?.familiarName ?? "<none>")), ("SharedSize", "N/A"),
            ("Size", .string(size)), ("Tag", .string(row.reference?.tag ?? "<none>")), ("UniqueSize", "N/A"),
            ("VirtualSize", .string(size)),
        ])
    }
}

/// Patterns as in file names (Go's `path.Match`): `*` and `?` do not match a slash.
enum FileNamePattern {
    /// Whether the whole text fits. A broken pattern fits nothing.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let text = Array(text.utf8), pattern = Array(pattern.utf8)
        // Where to go on when what follows the last star does not fit: no star needs to be gone back to twice.
        var place = 0, at = 0
        var star: (pattern: Int, text: Int)?
        while place < text.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, place)
                at += 1
            } else if at < pattern.count, let next = one(pattern, at, text[place]) {
                at = next
                place += 1
            } else if let last = star, text[last.text] != UInt8(ascii: "/") {
                star = (last.pattern, last.text + 1)
                at = last.pattern + 1
                place = last.text + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Where the pattern goes on if its next part fits a byte.
    private static func one(_ pattern: [UInt8], _ at: Int, _ byte: UInt8) -> Int? {
        switch pattern[at] {
        case UInt8(ascii: "?"): return byte == UInt8(ascii: "/") ? nil : at + 1
        case UInt8(ascii: "\\"): return at + 1 < pattern.count && pattern[at + 1] == byte ? at + 2 : nil
        case UInt8(ascii: "["):
            var index = at + 1
            let negated = index < pattern.count && pattern[index] == UInt8(ascii: "^")
            if negated { index += 1 }
            var found = false
            var first = true
            while index < pattern.count, first || pattern[index] != UInt8(ascii: "]") {
                first = false
                let low = pattern[index]
                var high = low
                if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-"),
                    pattern[index + 2] != UInt8(ascii: "]")
                {
                    high = pattern[index + 2]
                    index += 2
                }
                if low <= byte, byte <= high { found = true }
                index += 1
            }
            guard index < pattern.count, found != negated else { return nil }
            return index + 1
        default: return pattern[at] == byte ? at + 1 : nil
        }
    }
}
