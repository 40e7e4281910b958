public import TDXCalls

/// What is known of a TD's MRTD.
public struct Measurement: Hashable, Sendable {
    /// What MRTD is, or will be if nothing more is added: SHA-384 over the accepted TDH.MEM.PAGE.ADD and
    /// TDH.MR.EXTEND. While an operation adds memory, what it was before. Nil until somebody has asked
    /// (``Engine/measuredTD(_:completion:)``) where all of it can be read again.
    public internal(set) var expected: MeasurementID?
    /// What the module says it is, read after TDH.MR.FINALIZE.
    public internal(set) var actual: MeasurementID?
    /// Memory was added in part, so that MRTD can no longer become what was planned; or it is not what was expected.
    public internal(set) var isDiverged = false

    /// Whether what the module says has been compared, and is what the accepted calls make; nil before it says so.
    public var isVerified: Bool? { actual.map { $0 == expected } }
}

/// What a client says a TD's measurement ought to be made of.
public struct MeasurementManifest: Hashable, Sendable {
    public var expectedMRTD: MeasurementID?
    /// What was to be added, in order; nil if the client does not say.
    public var regions: [MemoryRegion]?

    public init(expectedMRTD: MeasurementID? = nil, regions: [MemoryRegion]? = nil) {
        self.expectedMRTD = expectedMRTD
        self.regions = regions
    }
}

/// Where a manifest and what the module accepted first part.
public struct MeasurementDifference: Hashable, Sendable {
    /// One call that goes into the measurement.
    public struct Event: Hashable, Sendable {
        public let leaf: Leaf
        public let gpa: GPA
    }

    public enum Reason: String, Sendable {
        /// Another call, or another address.
        case call
        /// The same call on other contents, going by the digest of the region.
        case content
        /// The manifest goes on where the TD has nothing more, or the other way round.
        case length
        /// Every call is as the manifest says, or it lists none, and MRTD is another than it expects.
        case mrtd
    }

    public let reason: Reason
    /// How many calls agree before; nil if only the sums were compared.
    public let index: UInt64?
    /// What the manifest has there; nil after its end.
    public let manifest: Event?
    /// What the module accepted there; nil after the last.
    public let accepted: Event?
}

/// How a TD is to be finalised.
public struct FinalizeRequest: Sendable {
    /// Also if the measurement went astray or is not what the manifest says.
    public var force: Bool
    /// What the measurement must be, unless forced.
    public var manifest: MeasurementManifest?

    public init(force: Bool = false, manifest: MeasurementManifest? = nil) {
        self.force = force
        self.manifest = manifest
    }
}
