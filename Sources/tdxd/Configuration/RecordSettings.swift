/// Where every SEAMCALL is recorded, and how much of it.
struct RecordSettings: Hashable, Sendable {
    let path: String
    let bytesMax: Int

    init(path: String, bytesMax: Int) {
        self.path = path
        self.bytesMax = bytesMax
    }

    /// Nil where nothing is to be recorded.
    init?(_ values: EffectiveConfiguration) {
        guard let path = values.optionalText(.record) else { return nil }
        self.path = path
        bytesMax = values.number(.recordLimit) << 20
    }
}
