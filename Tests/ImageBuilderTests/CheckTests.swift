import OCI
import Testing

@testable import ImageBuilder

@Suite struct CheckTests {
    private func checks(_ text: String, ignore: String = "", options: String = "experimental=all") throws
        -> [BuildCheck]
    {
        var other = ImageConfiguration(platform: Platform(os: "linux", architecture: "mips"), diffIDs: [])
        other.config.environment = []
        return try plan(
            text, ignore: ignore, images: FakeImages(configurations: ["odd": other]), checksOnly: true, checks: options
        ).findings.map(\.check)
    }

    /// A check, a file that it finds something in, and one that it does not.
    static let cases: [(BuildCheck, String, String)] = [
        (.consistentInstructionCasing, "FROM a\nrun x\nRUN y", "from a\nrun x"),
        (.duplicateStageName, "FROM a AS x\nFROM a AS x", "FROM a AS x\nFROM a AS y"),
        (.exposeInvalidFormat, "FROM a\nEXPOSE 127.0.0.1:80:80", "FROM a\nEXPOSE 80"),
        (.exposeProtoCasing, "FROM a\nEXPOSE 80/TcP", "FROM a\nEXPOSE 80/tcp"),
        (.fromAsCasing, "FROM a as x", "FROM a AS x"),
        (
            .fromPlatformFlagConstDisallowed, "FROM --platform=linux/amd64 a AS x",
            "FROM --platform=linux/amd64 a AS build_amd64"
        ),
        (.invalidBaseImagePlatform, "FROM odd", "FROM a"),
        (.invalidDefaultArgInFrom, "ARG T\nFROM a:$T", "ARG T=1\nFROM a:$T"),
        (.invalidDefinitionDescription, "# bar comes\nARG foo\nFROM a", "# foo comes\nARG foo\nFROM a"),
        (.jsonArgsRecommended, "FROM a\nCMD x", "FROM a\nCMD [\"x\"]"),
        (.jsonArgsRecommended, "FROM a\nENTRYPOINT x", "FROM a\nSHELL [\"/s\"]\nENTRYPOINT x"),
        (.legacyKeyValueFormat, "FROM a\nENV k v", "FROM a\nENV k=v"),
        (.legacyKeyValueFormat, "FROM a\nLABEL k v", "FROM a\nLABEL k=v"),
        (.maintainerDeprecated, "FROM a\nMAINTAINER x", "FROM a\nLABEL m=x"),
        (
            .multipleInstructionsDisallowed, "FROM a\nCMD [\"x\"]\nCMD [\"y\"]",
            "FROM a AS x\nCMD [\"x\"]\nFROM x\nCMD [\"y\"]"
        ),
        (.multipleInstructionsDisallowed, "FROM a\nHEALTHCHECK NONE\nHEALTHCHECK NONE", "FROM a\nHEALTHCHECK NONE"),
        (.noEmptyContinuation, "FROM a\nRUN x \\\n\n y", "FROM a\nRUN x \\\n# c\n y"),
        (.redundantTargetPlatform, "FROM --platform=$TARGETPLATFORM a", "FROM --platform=$BUILDPLATFORM a"),
        (.reservedStageName, "FROM a AS scratch", "FROM a AS scratchy"),
        (.secretsUsedInArgOrEnv, "FROM a\nARG DB_PASSWORD", "FROM a\nARG PASSWORD_FILE"),
        (.secretsUsedInArgOrEnv, "FROM a\nENV API_KEY=x", "FROM a\nENV MONKEY=x"),
        (.stageNameCasing, "FROM a AS Build", "FROM a AS build"),
        (.undefinedArgInFrom, "FROM a${V}", "ARG V=1\nFROM a${V}"),
        (.undefinedVar, "FROM a\nENV x=$y", "FROM a\nARG y\nENV x=$y"),
        (.undefinedVar, "FROM a\nCOPY $foo .", "FROM a\nRUN echo $foo"),
        (.workdirRelativePath, "FROM a\nWORKDIR x", "FROM a\nWORKDIR /x\nWORKDIR y"),
    ]

    @Test(arguments: cases) func finds(_ check: BuildCheck, _ bad: String, _ good: String) throws {
        #expect(try checks(bad).contains(check))
        #expect(try !checks(good).contains(check))
    }

    @Test func findsIgnoredFiles() throws {
        #expect(
            try checks("FROM a\nCOPY tmp/x .\nADD notes.md .", ignore: "tmp\n*.md").filter { $0 == .copyIgnoredFile }
                .count == 2)
        #expect(try checks("FROM a\nCOPY x .", ignore: "tmp").isEmpty)
        #expect(try checks("FROM a\nCOPY tmp .", ignore: "tmp", options: "").isEmpty)
    }

    @Test func coversAllOfThem() {
        let tested = Set(Self.cases.map(\.0)).union([.copyIgnoredFile])
        #expect(tested == Set(BuildCheck.allCases))
        #expect(BuildCheck.allCases.count == 22)
    }

    @Test func heedsItsOptions() throws {
        let text = "FROM a\nCMD x\nMAINTAINER y"
        #expect(try checks(text, options: "skip=JSONArgsRecommended") == [.maintainerDeprecated])
        #expect(try checks(text, options: "skip=all").isEmpty)
        let whole = try plan("# check=error=true\n" + text)
        #expect(whole.findingsAreErrors)
        #expect(try !plan("# check=error=true\nFROM a").findingsAreErrors)
        let suggestion = try plan("FROM a\nARG VERSION=1\nENV x=$VERSOIN").findings.first
        #expect(suggestion?.message == "Usage of undefined variable '$VERSOIN' (did you mean $VERSION?)")
        #expect(suggestion?.line.hasSuffix("(line 3)") == true)
    }
}
