import LinuxKernel
import Testing

@testable import ContainerRuntime

@Suite struct OwnerMappingTests {
    private let container = [IDMapping(inside: 0, outside: 500_000, size: 65536)]

    /// Which id on disk a container id writes, through a mapping of disk id to host id.
    private func disk(_ id: UInt32, _ lines: [IDMapping]) -> UInt32? {
        guard let host = container.outside(of: id) else { return nil }
        for line in lines where host >= line.outside && host - line.outside < line.size { return line.inside + (host - line.outside) }
        return nil
    }

    @Test func rootOfTheContainerIsTheOwner() {
        let lines = OwnerMapping.lines(owner: 1000, user: 0, container: container)
        #expect(disk(0, lines) == 1000)
        #expect(disk(33, lines) == 33)
        #expect(disk(65535, lines) == 65535)
    }

    @Test func aDirectoryOfRootIsShownAsItIs() {
        #expect(OwnerMapping.lines(owner: 0, user: 0, container: container) == [IDMapping(inside: 0, outside: 500_000, size: 65536)])
    }

    @Test func theUserOfTheContainerIsTheOwner() {
        #expect(disk(1000, OwnerMapping.lines(owner: 1000, user: 1000, container: container)) == 1000)
        let lines = OwnerMapping.lines(owner: 1001, user: 1000, container: container)
        #expect(disk(1000, lines) == 1001)
    }

    /// Whatever the container writes, root of the host never becomes its owner, unless the directory is root's.
    @Test func nothingBecomesTheHostsRoot() {
        for (owner, user) in [(1000, 0), (1000, 1000), (1000, 33), (70000, 0), (70000, 5)] as [(UInt32, UInt32)] {
            let lines = OwnerMapping.lines(owner: owner, user: user, container: container)
            for id in [0, 1, user, owner, 65535] as [UInt32] where id < 65536 { #expect(disk(id, lines) != 0, "\(owner) \(user) \(id)") }
            #expect(disk(user, lines) == owner)
        }
    }

    @Test func noIDStandsTwice() {
        for owner in [0, 1, 5, 1000, 65535, 70000, 500_000] as [UInt32] {
            for user in [0, 1, 5, 1000, 65535] as [UInt32] {
                let lines = OwnerMapping.lines(owner: owner, user: user, container: container)
                #expect(lines.count <= 340)
                for (index, a) in lines.enumerated() {
                    for b in lines[(index + 1)...] {
                        #expect(a.inside + a.size <= b.inside || b.inside + b.size <= a.inside, "\(owner) \(user)")
                        #expect(a.outside + a.size <= b.outside || b.outside + b.size <= a.outside, "\(owner) \(user)")
                    }
                }
            }
        }
    }
}
