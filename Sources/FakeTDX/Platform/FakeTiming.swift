/// How long things take on the fake. All zero by default: nothing sleeps.
///
/// Time passes in the calling thread, as it would with the real instruction.
public struct FakeTiming: Hashable, Sendable {
    /// A whole CACHE.WB of one package.
    public var cacheWriteBack: Duration
    /// How long one CACHE.WB call runs before an interrupt ends it with INTERRUPTED_RESUMABLE; zero for never.
    public var cacheWriteBackSlice: Duration
    /// Programming a key on one package: MNG.KEY.CONFIG, SYS.KEY.CONFIG.
    public var keyConfiguration: Duration
    /// Every call, whatever it is.
    public var call: Duration

    public init(
        cacheWriteBack: Duration = .zero, cacheWriteBackSlice: Duration = .zero, keyConfiguration: Duration = .zero,
        call: Duration = .zero
    ) {
        self.cacheWriteBack = cacheWriteBack
        self.cacheWriteBackSlice = cacheWriteBackSlice
        self.keyConfiguration = keyConfiguration
        self.call = call
    }

    /// The longest a single duration may be.
    public static let durationMax: Duration = .seconds(3600)

    /// - Throws: ``FakePlatformError`` if a duration is negative or beyond ``durationMax``.
    public func validate() throws(FakePlatformError) {
        for duration in [cacheWriteBack, cacheWriteBackSlice, keyConfiguration, call]
        where duration < .zero || duration > Self.durationMax {
            throw FakePlatformError("durations must lie between zero and \(Self.durationMax)")
        }
    }
}
