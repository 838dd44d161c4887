import Glibc

@main
enum Main {
    static func main() {
        let a = CommandLine.arguments
        exit(RuntimeRun.run(id: a[1], bundlePath: a[2]))
    }
}
