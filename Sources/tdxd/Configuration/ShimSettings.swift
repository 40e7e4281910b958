/// Where the kernel shim is, and where its session is written down.
struct ShimSettings: Hashable, Sendable {
    let device: String
    /// Nil where there is no place for it.
    let stateDirectory: String?

    static let defaultDevice = "/dev/tdx_shim"

    init(_ values: EffectiveConfiguration) throws(ConfigurationError) {
        device = try values.text(.shimDevice)
        stateDirectory = values.optionalText(.stateDirectory)
    }

    init(device: String, stateDirectory: String?) {
        self.device = device
        self.stateDirectory = stateDirectory
    }
}
