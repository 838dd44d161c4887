import Glibc
import ImageStore
import LinuxKernel

/// A process that works on a store, for tests that kill one: `ImageStoreProbe load|import ROOT ARCHIVE`, `ImageStoreProbe prune ROOT -` (what has a label `x`),
/// `ImageStoreProbe remove|resolve ROOT NAME`; the last a thousand times, to be measured.
@main enum Probe {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { exit(2) }
        do {
            let store = try ImageStore(root: arguments[2])
            switch arguments[1] {
            case "load":
                // Two workers: the test's machine may have one processor, and what they do must not depend on it.
                for loaded in try store.load(archive: try Files.open(arguments[3], .readOnly), workers: 2) {
                    print(loaded.image.id)
                }
            case "prune":
                var filter = PruneFilter()
                filter.all = true
                filter.labels = ["x"]
                for event in try store.prune(filter, isUsed: { _ in false }).events { print(event) }
            case "import":
                print(try store.importRootfs(archive: try Files.open(arguments[3], .readOnly), reference: nil).id)
            case "resolve": for _ in 0..<1000 { _ = try store.resolve(arguments[3]) }
            case "remove": for event in try store.remove(arguments[3], force: true) { print(event) }
            default: exit(2)
            }
        } catch {
            print("\(error)")
            exit(1)
        }
    }
}
