import Glibc

/// The program's arguments as the kernel gave them. Swift's own list repairs what is not UTF-8, and a repaired name is
/// another name.
enum ArgumentBytes {
    /// The place of the first argument that is not UTF-8, counted from 1; nil when all are.
    static func firstThatIsNoText() -> Int? {
        let vector = Swift.CommandLine.unsafeArgv
        for place in 1..<max(1, Int(Swift.CommandLine.argc)) {
            if let argument = vector[place], String(validatingCString: argument) == nil { return place }
        }
        return nil
    }
}
