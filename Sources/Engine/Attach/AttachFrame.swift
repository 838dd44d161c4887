import JSON

/// What travels between a container's monitor and a client on their stream socket: a kind byte, the payload's length
/// as four little-endian bytes, the payload.
enum AttachFrame: Equatable {
    // Client to monitor.
    case input([UInt8])
    case inputEnded
    case resize(rows: UInt16, columns: UInt16)
    case signal(Int32)
    /// The first word on a connection of one's own: wants the output, and with `input` gives the input.
    case attach(input: Bool)
    /// Goes without ending the container's input.
    case detach
    case pause
    case unpause
    /// A person ends the container: no policy is to start it again.
    case stopping
    /// Ends the container as `stop` does and starts it again. Seconds; negative waits for ever.
    case restart(signal: Int32, timeout: Int32)
    /// Wants to be told of the next end.
    case awaitExit
    // Monitor to client.
    case output([UInt8])
    case errorOutput([UInt8])
    case started
    /// Something a person should know although the container starts.
    case warning(String)
    case exited(Int32)
    /// What was asked for is done.
    case done
    /// The container could not be started; with Docker's exit status.
    case failed(String, code: Int32)

    /// The largest payload either side sends or accepts.
    static let payloadLimit = 64 << 10

    private var kind: UInt8 {
        switch self {
        case .input: 0
        case .inputEnded: 1
        case .resize: 2
        case .signal: 3
        case .attach: 4
        case .detach: 5
        case .pause: 6
        case .unpause: 7
        case .stopping: 8
        case .restart: 9
        case .awaitExit: 20
        case .output: 10
        case .errorOutput: 11
        case .started: 12
        case .exited: 13
        case .failed: 14
        case .warning: 15
        case .done: 16
        }
    }

    private var payload: [UInt8] {
        switch self {
        case .input(let bytes), .output(let bytes), .errorOutput(let bytes): bytes
        case .inputEnded, .started, .detach, .pause, .unpause, .stopping, .awaitExit, .done: []
        case .attach(let input): Self.bytes(input ? 1 : 0)
        case .restart(let signal, let timeout):
            Self.bytes(UInt32(bitPattern: signal)) + Self.bytes(UInt32(bitPattern: timeout))
        case .warning(let text): Array(text.utf8.prefix(Self.payloadLimit))
        case .resize(let rows, let columns): Self.bytes(UInt32(rows)) + Self.bytes(UInt32(columns))
        case .signal(let number), .exited(let number): Self.bytes(UInt32(bitPattern: number))
        case .failed(let text, let code):
            Self.bytes(UInt32(bitPattern: code)) + Array(text.utf8.prefix(Self.payloadLimit - 4))
        }
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// The frame as bytes.
    var encoded: [UInt8] {
        let payload = payload
        return [kind] + Self.bytes(UInt32(payload.count)) + payload
    }

    /// Takes the first whole frame off a buffer, nil when there is none yet.
    ///
    /// - Throws: for a kind or length that no honest peer sends.
    static func decode(_ buffer: inout [UInt8]) throws(EngineError) -> AttachFrame? {
        guard buffer.count >= 5 else { return nil }
        func word(_ at: Int) -> UInt32 {
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(buffer[at + $1]) << (8 * UInt32($1)) }
        }
        let length = Int(word(1))
        guard length <= payloadLimit else { throw EngineError("a frame of \(length) bytes is too long") }
        guard buffer.count >= 5 + length else { return nil }
        let kind = buffer[0]
        let payload = Array(buffer[5..<(5 + length)])
        func number(_ index: Int) throws(EngineError) -> UInt32 {
            guard length >= 4 * (index + 1) else { throw EngineError("a frame is too short") }
            return word(5 + 4 * index)
        }
        let frame: AttachFrame
        switch kind {
        case 0: frame = .input(payload)
        case 1: frame = .inputEnded
        case 2: frame = .resize(rows: UInt16(clamping: try number(0)), columns: UInt16(clamping: try number(1)))
        case 3: frame = .signal(Int32(bitPattern: try number(0)))
        case 4: frame = .attach(input: try number(0) != 0)
        case 5: frame = .detach
        case 6: frame = .pause
        case 7: frame = .unpause
        case 8: frame = .stopping
        case 9:
            frame = .restart(signal: Int32(bitPattern: try number(0)), timeout: Int32(bitPattern: try number(1)))
        case 20: frame = .awaitExit
        case 16: frame = .done
        case 10: frame = .output(payload)
        case 11: frame = .errorOutput(payload)
        case 12: frame = .started
        case 13: frame = .exited(Int32(bitPattern: try number(0)))
        case 15: frame = .warning(String(decoding: payload, as: UTF8.self))
        case 14:
            frame = .failed(
                String(decoding: payload.dropFirst(4), as: UTF8.self), code: Int32(bitPattern: try number(0)))
        default: throw EngineError("a frame of the unknown kind \(kind)")
        }
        buffer.removeFirst(5 + length)
        return frame
    }
}
