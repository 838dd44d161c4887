import OCI

/// One step of how an image was made, with what it takes.
public struct HistoryStep: Sendable {
    /// What its maker says of it.
    public let step: ImageConfiguration.History
    /// Bytes of the files of its layer; 0 for a step without one.
    public let size: Int64
}

extension ImageStore {
    /// How an image was made, latest step first. Layers that no step is told of get one that says nothing.
    public func history(of image: StoredImage) throws(ImageStoreError) -> [HistoryStep] {
        let sizes = try record(image.manifest).layers.map(\.record.size)
        var rest = sizes[...]
        var steps = [HistoryStep]()
        for step in image.configuration.history {
            steps.append(HistoryStep(step: step, size: step.emptyLayer ? 0 : rest.popFirst() ?? 0))
        }
        for size in rest { steps.append(HistoryStep(step: .init(createdBy: ""), size: size)) }
        return steps.reversed()
    }
}
