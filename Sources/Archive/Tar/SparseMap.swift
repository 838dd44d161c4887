/// Maps of sparse files, in GNU's four forms.
enum SparseMap {
    /// Checks that parts are in order, disjoint, inside the file, and as long together as what the archive stores.
    static func validated(
        _ segments: [TarEntry.Segment], size: Int64, stored: Int64
    ) throws(TarProblem) -> [TarEntry.Segment] {
        guard size >= 0 else { throw TarProblem("its size is negative") }
        var end: Int64 = 0
        var total: Int64 = 0
        for segment in segments {
            guard segment.offset >= end, segment.length >= 0 else {
                throw TarProblem("the parts of the sparse file are out of order")
            }
            let (next, overflow) = segment.offset.addingReportingOverflow(segment.length)
            guard !overflow, next <= size else { throw TarProblem("a part of the sparse file lies behind its end") }
            end = next
            // Disjoint parts inside `size` cannot overflow in sum.
            total += segment.length
        }
        guard total == stored else {
            throw TarProblem("the parts of the sparse file have \(total) bytes, but the archive stores \(stored)")
        }
        return segments.filter { $0.length > 0 }
    }

    /// Entries of 24 bytes of an old GNU header or its extension blocks, up to the first empty one.
    static func oldEntries(_ bytes: ArraySlice<UInt8>) throws(TarProblem) -> [TarEntry.Segment] {
        var result = [TarEntry.Segment]()
        var rest = bytes
        while rest.count >= 24, rest[rest.startIndex] != 0 {
            let middle = rest.startIndex + 12
            result.append(
                TarEntry.Segment(
                    offset: try TarFields.number(rest[rest.startIndex..<middle], "sparse map"),
                    length: try TarFields.number(rest[middle..<(middle + 12)], "sparse map")))
            rest = rest.dropFirst(24)
        }
        return result
    }

    /// Pairs of numbers separated by commas (form 0.1, and 0.0 once its records are joined).
    static func pairs(_ text: [UInt8]) throws(TarProblem) -> [TarEntry.Segment] {
        if text.isEmpty { return [] }
        var numbers = [Int64]()
        for part in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            numbers.append(try number(part))
        }
        return try paired(numbers)
    }

    static func paired(_ numbers: [Int64]) throws(TarProblem) -> [TarEntry.Segment] {
        guard numbers.count % 2 == 0 else { throw TarProblem("its sparse map lacks a number") }
        return stride(from: 0, to: numbers.count, by: 2).map {
            TarEntry.Segment(offset: numbers[$0], length: numbers[$0 + 1])
        }
    }

    /// An unsigned decimal number of a map.
    static func number(_ digits: some Collection<UInt8>) throws(TarProblem) -> Int64 {
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(String(decoding: digits, as: UTF8.self))
        else { throw TarProblem("its sparse map holds something that is not a number") }
        return value
    }
}
