internal import GuestImages

/// Where guest images are kept, how many, and for how long.
struct ImageSettings: Hashable, Sendable {
    /// Nil: in a directory that ends with the process.
    let directory: String?
    /// Whether somebody asked for that directory; a default that cannot be used is no reason not to start.
    let isChosen: Bool
    let limits: ImageLimits

    init(_ values: EffectiveConfiguration) throws(ConfigurationError) {
        directory = values.optionalText(.imagesDirectory)
        if directory?.isEmpty == true { throw values.error(.imagesDirectory, "must be a directory") }
        isChosen = values.isSet(.imagesDirectory)
        var limits = ImageLimits()
        limits.capacityBytes = UInt64(values.number(.imagesCapacity)) << 20
        let retention = values.number(.imagesRetention)
        limits.retention = retention == 0 ? nil : .seconds(retention)
        self.limits = limits
    }
}
