import ControlGroups
import LinuxKernel

extension RuntimeContainers {
    /// `ps`: the numbers of a container's processes, as this process's pid namespace has them.
    public func processes(_ id: String) throws -> [Int32] {
        let state = try directory(id).readState()
        return try group(of: state).processes()
    }
}
