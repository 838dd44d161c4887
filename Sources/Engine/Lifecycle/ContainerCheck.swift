import ControlGroups
import ImageStore
import LinuxKernel

extension Engine {
    /// Holds the containers' records against the kernel: monitors that are gone, control groups and names of nobody.
    ///
    /// - Parameter repair: puts right what is wrong; the next command of most kinds would do the same.
    func checkContainers(repair: Bool) throws -> CheckReport {
        var report = CheckReport()
        let ids = containers.ids()
        report.looked.append("\(ids.count) container\(ids.count == 1 ? "" : "s")")
        for id in ids {
            let directory = ContainerDirectory(roots: roots, id: id)
            let object = "container \(ContainerID.short(id))"
            let record: ContainerRecord
            do throws(EngineError) { record = try directory.readRecord() } catch {
                // Removed meanwhile, or damaged.
                if Files.exists(directory.path + "/container.json") {
                    report.findings.append(.init(object, "\(error)"))
                }
                continue
            }
            let state = directory.readState()
            if state.isAlive, !directory.isLocked, directory.readState() == state {
                let mended = repair && (try? current(directory)) != nil
                report.findings.append(
                    .init(
                        object, "is \(state.word) by its record, but nobody looks after it",
                        repair: mended ? "its end is recorded now" : nil))
            }
            if (try? Files.readLink("\(roots.names)/\(record.name)"))?.description != id {
                let mended = repair && (try? containers.claim(name: record.name, id: id)) != nil
                report.findings.append(
                    .init(object, "does not own its name \(record.name)", repair: mended ? "it does now" : nil))
            }
        }
        checkNames(Set(ids), repair: repair, &report)
        checkGroups(repair: repair, &report)
        return report
    }

    private func checkNames(_ ids: Set<String>, repair: Bool, _ report: inout CheckReport) {
        for name in ContainerRegistry.entries(roots.names).sorted() {
            let owner = (try? Files.readLink("\(roots.names)/\(name)"))?.description ?? ""
            guard !ids.contains(owner), !Files.exists("\(roots.container(owner))/container.json"),
                !FileLock.isHeld("\(roots.runContainer(owner))/lock")
            else { continue }
            if repair { containers.release(name: name, id: owner) }
            report.findings.append(
                .init("name \(name)", "belongs to no container", repair: repair ? "it is free now" : nil))
        }
    }

    private func checkGroups(repair: Bool, _ report: inout CheckReport) {
        guard let host = try? HostControlGroups.detect(),
            let children = try? host.children(of: roots.controlGroupParent)
        else { return }
        for id in children.sorted() where ContainerID.isID(id) {
            let directory = ContainerDirectory(roots: roots, id: id)
            if directory.isLocked { continue }
            // A monitor that has just gone may have left its group to the kernel for an instant.
            guard let group = try? ControlGroup.open(host: host, path: directory.controlGroup), group.exists else {
                continue
            }
            var mended = false
            if repair {
                try? group.kill()
                mended = (try? group.remove(emptyParents: 1)) != nil
            }
            report.findings.append(
                .init(
                    "control group \(directory.controlGroup)", "belongs to no running container",
                    repair: mended ? "it is removed" : nil))
        }
    }
}
