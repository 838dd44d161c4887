import ImageStore
import JSON
import LinuxKernel
import OCI

/// What steps led to, told by an image: a member of its configuration names for each step's key the layer that it came to.
/// An image that was built may carry it (`--cache-to type=inline`), or one that is nothing else (`type=registry`, `local`).
enum CacheImage {
    /// The configuration's member.
    static let member = "berth.build.cache.v1"

    /// A step's result with its layer.
    struct Step {
        var record: BuildCache.Record
        var layer: StoreLayer
    }

    static func value(_ steps: [Step]) -> JSONValue {
        .array(
            steps.map { step in
                [
                    "key": .string(step.record.key), "layer": .string(step.layer.diffID.description),
                    "created": .string(step.record.created), "kind": .string(step.record.kind),
                    "size": .integer(step.record.size),
                ]
            })
    }

    static func register(
        _ steps: [Step], _ name: Reference, platform: Platform, _ work: StoreWork
    ) throws(BuildError) -> StoredImage {
        var layers = [StoreLayer]()
        for step in steps where !layers.contains(where: { $0.diffID == step.layer.diffID }) {
            layers.append(step.layer)
        }
        let configuration = ImageConfiguration(platform: platform, diffIDs: [])
        do throws(ImageStoreError) {
            return try work.registerImage(
                configuration, layers: layers, names: [name], extra: [(member, value(steps))])
        } catch {
            throw BuildError(error)
        }
    }

    /// Records what an image tells, as far as its layers are there. Somebody else wrote it: what makes no sense is passed
    /// over.
    static func learn(_ image: StoredImage, _ cache: BuildCache, _ work: StoreWork) throws(BuildError) -> Int {
        let bytes: [UInt8]
        let layers: [StoreLayer]
        do throws(ImageStoreError) {
            bytes = try cache.store.blob(image.id)
            layers = try work.layers(of: image)
        } catch {
            throw BuildError(error)
        }
        guard let told = (try? JSONValue(parsing: bytes))?[member]?.arrayValue else { return 0 }
        var count = 0
        for entry in told {
            guard let key = entry["key"]?.stringValue, BuildCache.isKey(key),
                let text = entry["layer"]?.stringValue, let digest = try? Digest(parsing: text),
                let layer = layers.first(where: { $0.diffID == digest }),
                let created = entry["created"]?.stringValue, Timestamp(parsing: created) != nil
            else { continue }
            count += 1
            guard cache.record(key) == nil else { continue }
            do throws(ImageStoreError) { try work.lease([layer], holder: BuildCache.holder(key)) } catch {
                throw BuildError(error)
            }
            let kind = entry["kind"]?.stringValue ?? ""
            try cache.add(
                BuildCache.Record(
                    key: key, layer: layer.key, created: created, size: layer.directory.size,
                    kind: ["RUN", "COPY", "ADD", "WORKDIR"].contains(kind) ? kind : "RUN"))
        }
        return count
    }
}
