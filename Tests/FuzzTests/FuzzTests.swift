import FuzzTargets
import Testing

/// A short run of every fuzz target, the same each time; `make fuzz` runs them for long.
@Suite struct FuzzTests {
    @Test(arguments: FuzzTarget.all.map(\.name))
    func someInputs(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        #expect(!target.seeds.isEmpty)
        for seed in target.seeds { target.run(seed) }
        for number in 0..<1500 as Range<UInt64> {
            var mutator = Mutator(seed: number)
            target.run(mutator.input(from: target.seeds))
        }
    }
}
