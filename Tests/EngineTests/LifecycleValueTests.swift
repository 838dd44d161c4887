import JSON
import OCI
import Testing

@testable import Engine

/// Restart policies, detach keys, health states, events and frames as values.
@Suite struct LifecycleValueTests {
    @Test func policiesAreRead() {
        #expect(RestartPolicy("")?.kind == .no)
        #expect(RestartPolicy("on-failure:3")?.maximum == 3)
        #expect(RestartPolicy("unless-stopped")?.text == "unless-stopped")
        for text in ["x", "on-failure:", "on-failure:+1", "always:2", "on-failure:99999999999", "no:1", "always "] {
            #expect(RestartPolicy(text) == nil, "\(text)")
        }
    }

    @Test func policiesDecide() throws {
        let failure = try #require(RestartPolicy("on-failure:2"))
        #expect(failure.applies(exitCode: 1, stoppedByHand: false, count: 1))
        #expect(!failure.applies(exitCode: 1, stoppedByHand: false, count: 2))
        #expect(!failure.applies(exitCode: 0, stoppedByHand: false, count: 0))
        let always = try #require(RestartPolicy("always"))
        #expect(always.applies(exitCode: 0, stoppedByHand: false, count: 1000))
        #expect(!always.applies(exitCode: 0, stoppedByHand: true, count: 0))
    }

    @Test func delaysGrowAndBeginAgain() {
        var delay: Int64 = 0
        var all = [Int64]()
        for _ in 0..<12 {
            delay = RestartPolicy.delay(after: delay, ranMilliseconds: 0)
            all.append(delay)
        }
        #expect(all.prefix(4) == [100, 200, 400, 800])
        #expect(all.last == 60_000)
        #expect(RestartPolicy.delay(after: 60_000, ranMilliseconds: 10_000) == 100)
    }

    @Test func resumingAfterAReboot() throws {
        var state = ContainerState()
        state.status = .exited
        state.bootID = "old"
        let always = try #require(RestartPolicy("always")), unless = try #require(RestartPolicy("unless-stopped"))
        // Never started.
        #expect(!always.resumes(state, thisBoot: "new"))
        state.startedAt = "2026-01-01T00:00:00Z"
        state.stoppedByHand = true
        #expect(always.resumes(state, thisBoot: "new"))
        #expect(!always.resumes(state, thisBoot: "old"))
        #expect(!unless.resumes(state, thisBoot: "new"))
        state.stoppedByHand = false
        #expect(unless.resumes(state, thisBoot: "new"))
    }

    @Test func detachKeys() throws {
        #expect(DetachKeys("")?.bytes == [16, 17])
        #expect(DetachKeys("ctrl-a,d")?.bytes == [1, 100])
        #expect(DetachKeys("ctrl-@,ctrl-]")?.bytes == [0, 29])
        for text in ["ctrl-", "ctrl-1", "ab", "a,", "ctrl-p,ctrl-qq", "\u{e9}"] {
            #expect(DetachKeys(text) == nil, "\(text)")
        }
    }

    @Test func detachKeysAreFoundInWhatIsTyped() throws {
        var matcher = DetachKeys.Matcher(DetachKeys())
        var bytes: [UInt8] = [65, 16]
        #expect(!matcher.take(&bytes) && bytes == [65])
        bytes = [66]
        // What was kept back is not lost.
        #expect(!matcher.take(&bytes) && bytes == [16, 66])
        bytes = [16]
        #expect(!matcher.take(&bytes) && bytes == [])
        bytes = [16, 17, 90]
        #expect(matcher.take(&bytes) && bytes == [16])
        var single = DetachKeys.Matcher(try #require(DetachKeys("ctrl-a")))
        bytes = [5, 1]
        #expect(single.take(&bytes) && bytes == [5])
    }

    @Test func healthStates() throws {
        func result(_ code: Int32) -> HealthState.Result { .init(start: "a", end: "b", exitCode: code, output: "o") }
        var health = HealthState()
        func add(_ code: Int32, counts: Bool) -> Bool { health.add(result(code), retries: 2, counts: counts) }
        #expect(!add(1, counts: false))
        #expect(health.status == .starting && health.failures == 0)
        #expect(!add(1, counts: true))
        #expect(add(-1, counts: true))
        #expect(health.status == .unhealthy)
        #expect(add(0, counts: true))
        // Once it was well, failures count although the start period has not passed.
        #expect(!add(1, counts: false))
        #expect(health.failures == 1)
        for _ in 0..<5 { _ = add(0, counts: true) }
        #expect(health.results.count == 5)
        #expect(try HealthState(parsing: health.json.serialized()) == health)
    }

    @Test func checksOfImagesAndUsers() {
        #expect(ContainerHealthCheck(.init(test: ["NONE"])) == nil)
        #expect(ContainerHealthCheck(.init(test: [])) == nil)
        let image = ImageConfiguration.Healthcheck(test: ["CMD-SHELL", "true"], interval: 2_000_000_000, retries: 7)
        let check = ContainerHealthCheck(image)
        #expect(check?.command == ["/bin/sh", "-c", "true"] && check?.interval == 2000 && check?.retries == 7)
        var request = HealthRequest()
        request.timeout = 5
        #expect(request.check(over: nil) == nil)
        #expect(request.check(over: image)?.timeout == 5)
        request.isOff = true
        #expect(request.check(over: image) == nil)
    }

    @Test func newFramesTravel() throws {
        for frame: AttachFrame in [
            .attach(input: true), .attach(input: false), .detach, .pause, .unpause, .stopping, .awaitExit, .done,
            .restart(signal: 15, timeout: -1),
        ] {
            var bytes = frame.encoded
            #expect(try AttachFrame.decode(&bytes) == frame)
            #expect(bytes.isEmpty)
        }
        var short: [UInt8] = [9, 4, 0, 0, 0, 1, 2, 3, 4]
        #expect(throws: EngineError.self) { try AttachFrame.decode(&short) }
    }

    @Test func eventsTravel() throws {
        let event = EngineEvent("container", "die", "abc", ["name": "x\n", "image": "i"])
        #expect(EngineEvent(parsing: event.json.serialized()[...]) == event)
        for text in [
            "", "{}", "[]", #"{"Type":"a","Action":"b"}"#, #"{"Type":"a","Action":"b","Actor":{},"timeNano":-5}"#,
        ] {
            #expect(EngineEvent(parsing: Array(text.utf8)[...]) == nil, "\(text)")
        }
    }

    @Test func limitsTakeOthers() throws {
        var limits = ContainerLimits()
        limits.memory = 64 << 20
        limits.memorySwap = 64 << 20
        var more = ContainerLimits()
        more.memory = 128 << 20
        #expect(throws: EngineError.self) { try limits.take(more) }
        more.memorySwap = 256 << 20
        try limits.take(more)
        #expect(limits.memory == 128 << 20 && limits.memorySwap == 256 << 20)
        var cpu = ContainerLimits()
        cpu.nanoCPUs = 500_000_000
        try limits.take(cpu)
        var quota = ContainerLimits()
        quota.cpuQuota = 1000
        #expect(throws: EngineError.self) { try limits.take(quota) }
    }
}
