import Glibc

/// Small files for tests that look at what would be written.
func makeTree(_ root: String, _ folders: String...) {
    mkdir(root, 0o755)
    for folder in folders {
        var path = root
        for part in folder.split(separator: "/") {
            path += "/\(part)"
            mkdir(path, 0o755)
        }
    }
}

func makeFile(_ path: String) { close(open(path, O_WRONLY | O_CREAT, 0o644)) }

func readFile(_ path: String) -> String {
    let file = open(path, O_RDONLY)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}

func removeTree(_ root: String) {
    _ = nftw(root, { path, _, _, _ in path.map { remove($0) } ?? 0 }, 16, Int32(FTW_DEPTH | FTW_PHYS))
}
