import ControlGroups
public import JSON
import LinuxKernel

extension RuntimeContainers {
    /// `events --stats`: one reading, as runc prints it.
    public func statistics(_ id: String) throws -> JSONValue {
        let (state, _) = try runningState(id)
        return try Self.reading(id, group(of: state))
    }

    /// `events`: a reading every interval and a word each time memory runs out, until the container ends.
    public func events(_ id: String, milliseconds: Int, _ print: (JSONValue) -> Void) throws {
        let (state, process) = try runningState(id)
        let group = try group(of: state)
        let poller = try Poller()
        let ended: UInt64 = 1, memory: UInt64 = 2
        try poller.add(process.number, .readable, token: ended)
        guard let watch = try group.watchOutOfMemory() else {
            throw RuntimeError("watch", "container \(id)", cause: "it has no memory controller")
        }
        try poller.add(watch.descriptorNumber, PollEvents(rawValue: watch.pollEvents), token: memory)
        var kills = try group.outOfMemoryKills()
        var next = MonotonicClock.milliseconds() + Int64(milliseconds)
        while true {
            let left = Int32(clamping: max(0, next - MonotonicClock.milliseconds()))
            var isOver = false
            for event in try poller.wait(milliseconds: left) {
                if event.token == ended { isOver = true }
                guard event.token == memory else { continue }
                try watch.acknowledge()
            }
            // Version 2 wakes for every event of memory's, version 1 for the removal of the group as well: what counts is
            // whether something was killed. Also the kill that ended the container is told.
            let now = (try? group.outOfMemoryKills()) ?? kills
            if now > kills { print(["type": "oom", "id": .string(id)]) }
            kills = now
            if isOver { return }
            if MonotonicClock.milliseconds() >= next {
                if let reading = try? Self.reading(id, group) { print(reading) }
                next = MonotonicClock.milliseconds() + Int64(milliseconds)
            }
        }
    }

    private func runningState(_ id: String) throws -> (RuntimeState, SharedDescriptor) {
        let directory = try directory(id)
        let state = try directory.readState()
        guard status(state, directory, isLocked: false) != .stopped else {
            throw RuntimeError("watch", "container \(id)", cause: "container with id \(id) is not running")
        }
        return (state, SharedDescriptor(try openProcess(state, for: "watch")))
    }

    private static func reading(_ id: String, _ group: ControlGroup) throws -> JSONValue {
        guard group.exists else {
            throw RuntimeError("read the statistics of", "container \(id)", cause: "it has no control group")
        }
        return ["type": "stats", "id": .string(id), "data": StatisticsDocument.make(group.counters())]
    }
}
