import CLinux
import Glibc

/// A program of 250 bytes, sealed in memory, that does nothing but execute another one.
///
/// A process that is about to execute what an image names shows its own file as `/proc/self/exe`, and an image may name just
/// that (`#!/proc/self/exe`): then our program runs inside, and a container whose root is the host's can write to its file
/// afterwards (CVE-2019-5736). Executing this stub first, and letting the stub execute the program, leaves nothing of ours
/// to find. It costs a tenth of what executing the whole program again from a read-only mount does.
///
/// The stub makes five calls: `execveat` (into it), `fcntl`, `execve`, and, when that fails, `writev` and `exit_group`. All
/// must be allowed by the seccomp filter that is in force by then.
public struct ExecutionStub: Sendable {
    /// The calls that a seccomp filter must allow without a condition.
    public static let systemCalls: Set<String> = ["execveat", "fcntl", "execve", "writev", "exit_group"]

    private let file: SharedDescriptor

    /// The descriptor's number, valid while this value lives.
    public var number: Int32 { file.number }

    /// Makes the stub.
    ///
    /// - Throws: ``Errno`` when files in memory must not be executed here (`vm.memfd_noexec`), or on another processor than
    ///   x86-64.
    public init() throws(Errno) {
        #if arch(x86_64)
        let copy = try SealedProgram.memoryFile("berth-start")
        try copy.writeAll(Self.image)
        try SealedProgram.seal(copy)
        // The kernel executes no file that anybody has open for writing.
        let readable = try Files.open(copy.procPath, .readOnly)
        file = SharedDescriptor(readable)
        #else
        throw .notSupported
        #endif
    }

    /// Executes the stub, and with it the program; returns only the reason why the stub could not be executed.
    ///
    /// - Parameters:
    ///   - path: the program.
    ///   - arguments: its arguments, with a null pointer at the end.
    ///   - environment: its environment, with a null pointer at the end.
    ///   - report: where the stub writes `failure` and one byte with the error's number when the program cannot be
    ///     executed. It is closed when it can.
    ///   - failure: must not be empty.
    public func execute(
        _ path: String, _ arguments: [UnsafeMutablePointer<CChar>?],
        _ environment: inout [UnsafeMutablePointer<CChar>?],
        report: Int32, failure: String
    ) -> Errno {
        ProcessControl.keepOverExec(report)
        var all = [strdup(path), strdup(String(report)), strdup(failure)] + arguments
        let result = environment.withUnsafeMutableBufferPointer { environment in
            all.withUnsafeMutableBufferPointer { arguments in
                // The optimiser may let the object go after the last use of its number.
                withExtendedLifetime(file) {
                    berth_execveat(file.number, "", arguments.baseAddress, environment.baseAddress, Int32(AT_EMPTY_PATH))
                }
            }
        }
        return Errno(rawValue: Int32(truncatingIfNeeded: -result))
    }

    #if arch(x86_64)
    private static let image: [UInt8] = {
        let base: UInt64 = 0x40_0000, header: UInt64 = 64 + 2 * 56
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        var image: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        image += bytes(UInt16(2)) + bytes(UInt16(62)) + bytes(UInt32(1))  // executable, x86-64
        image += bytes(base + header) + bytes(UInt64(64)) + bytes(UInt64(0)) + bytes(UInt32(0))
        image += bytes(UInt16(64)) + bytes(UInt16(56)) + bytes(UInt16(2)) + bytes(UInt16(64)) + bytes(UInt32(0))
        let size = header + UInt64(code.count)
        image += bytes(UInt32(1)) + bytes(UInt32(5)) + bytes(UInt64(0)) + bytes(base) + bytes(base)  // PT_LOAD, r-x
        image += bytes(size) + bytes(size) + bytes(UInt64(0x1000))
        image += bytes(UInt32(0x6474_E551)) + bytes(UInt32(6))  // PT_GNU_STACK, rw-
        image += [UInt8](repeating: 0, count: 40) + bytes(UInt64(16))
        return image + code
    }()

    /// Arguments on the stack: path, number of the report's descriptor, failure, then the program's own.
    private static let code: [UInt8] = [
        0x48, 0x8B, 0x1C, 0x24,  // mov rbx, [rsp]             the number of arguments
        0x48, 0x8B, 0x74, 0x24, 0x10,  // mov rsi, [rsp+16]    the descriptor's number, in decimal digits
        0x31, 0xFF,  // xor edi, edi
        0x0F, 0xB6, 0x06,  // digit: movzx eax, byte [rsi]
        0x84, 0xC0,  // test al, al
        0x74, 0x0C,  // jz read
        0x6B, 0xFF, 0x0A,  // imul edi, edi, 10
        0x8D, 0x7C, 0x07, 0xD0,  // lea edi, [rdi+rax-48]
        0x48, 0xFF, 0xC6,  // inc rsi
        0xEB, 0xED,  // jmp digit
        0x41, 0x89, 0xFC,  // read: mov r12d, edi
        0xBE, 0x02, 0x00, 0x00, 0x00,  // mov esi, F_SETFD
        0xBA, 0x01, 0x00, 0x00, 0x00,  // mov edx, FD_CLOEXEC
        0xB8, 0x48, 0x00, 0x00, 0x00,  // mov eax, fcntl
        0x0F, 0x05,  // syscall
        0x48, 0x8B, 0x7C, 0x24, 0x08,  // mov rdi, [rsp+8]
        0x48, 0x8D, 0x74, 0x24, 0x20,  // lea rsi, [rsp+32]
        0x48, 0x8D, 0x54, 0xDC, 0x10,  // lea rdx, [rsp+rbx*8+16]
        0xB8, 0x3B, 0x00, 0x00, 0x00,  // mov eax, execve
        0x0F, 0x05,  // syscall
        0xF7, 0xD8,  // neg eax
        0x48, 0x8B, 0x74, 0x24, 0x18,  // mov rsi, [rsp+24]    the failure
        0x50,  // push rax
        0x48, 0x89, 0xE1,  // mov rcx, rsp
        0x31, 0xD2,  // xor edx, edx
        0x80, 0x3C, 0x16, 0x00,  // length: cmp byte [rsi+rdx], 0
        0x74, 0x05,  // jz measured
        0x48, 0xFF, 0xC2,  // inc rdx
        0xEB, 0xF5,  // jmp length
        0x6A, 0x01, 0x51,  // measured: push 1; push rcx       two buffers: the failure, the error's number
        0x52, 0x56,  // push rdx; push rsi
        0x48, 0x89, 0xE6,  // mov rsi, rsp
        0x44, 0x89, 0xE7,  // mov edi, r12d
        0xBA, 0x02, 0x00, 0x00, 0x00,  // mov edx, 2
        0xB8, 0x14, 0x00, 0x00, 0x00,  // mov eax, writev
        0x0F, 0x05,  // syscall
        0xBF, 0x7E, 0x00, 0x00, 0x00,  // mov edi, 126
        0xB8, 0xE7, 0x00, 0x00, 0x00,  // mov eax, exit_group
        0x0F, 0x05,  // syscall
    ]
    #endif
}
