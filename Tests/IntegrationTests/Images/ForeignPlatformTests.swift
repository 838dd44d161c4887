import Glibc
import TestSupport
import Testing

/// An image for another processor, where no interpreter is registered for it.
@Suite struct ForeignPlatformTests {
    @Test func thePlatformIsNamed() async throws {
        try await withEngine(images: false) { engine in
            let scratch = try Scratch()
            // The header of a program for a processor that this test's machine is not.
            let own = try await command(["uname", "-m"]).text
            let (platform, machine) = own == "s390x" ? ("linux/arm64", "\\267\\000") : ("linux/s390x", "\\000\\026")
            let order = own == "s390x" ? "\\001" : "\\002"
            try await shell(
                """
                cd '\(scratch.path)' && mkdir root &&
                { printf '\\177ELF\\002\(order)\\001'; head -c 9 /dev/zero; printf '\\000\\002\(machine)'; head -c 1000 /dev/zero; } >root/prog &&
                chmod 755 root/prog && tar -C root -cf image.tar prog
                """)
            try await engine.ok("import", "--platform", platform, scratch.path + "/image.tar", "foreign:1")
            let output = try await engine.berth("run", "--rm", "foreign:1", "/prog")
            #expect(output.status == 126, "\(output.all)")
            #expect(
                output.err.contains("exec format error; the image is for \(platform), this machine is linux/"),
                "\(output.all)")
            #expect(output.err.filter { $0 == "\n" }.count == 1)
            // The same program in an image for this machine is just no program.
            try await engine.ok("import", scratch.path + "/image.tar", "broken:1")
            let broken = try await engine.berth("run", "--rm", "broken:1", "/prog")
            #expect(
                broken.status == 126 && broken.err.contains("exec format error") && !broken.err.contains("platform"),
                "\(broken.all)")
            #expect(!broken.err.contains("the image is for"))
        }
    }
}
