import LinuxKernel
import Testing

@Suite struct PathTextTests {
    /// A combining accent behind a slash makes one character of both, in which `split` finds no slash.
    @Test func slashesAreBytes() {
        #expect(PathText.names("/a//./b/") == ["a", "b"])
        #expect(PathText.names("../\u{301}x") == ["..", "\u{301}x"])
        #expect(PathText.names("/..\u{301}/..") == ["..\u{301}", ".."])
        #expect(PathText.isAbsolute("/\u{301}x"))
        #expect(!PathText.isAbsolute(""))
        #expect(PathText.begins("K=\u{301}v", with: "K="))
    }
}
