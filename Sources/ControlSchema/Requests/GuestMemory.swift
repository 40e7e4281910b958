/// A region of guest memory to add to a TD: in the spec of POST /tds, and the body of POST /tds/{id}/memory.
public struct MemoryRegionRequest: RequestBody {
    /// 2^51, above which no guest has private memory.
    public static let sizeRange = 1...(1 << 51)
    public static let pageSizes = [4096, 1 << 21]
    /// Regions in one request.
    public static let countMax = 256

    /// Guest physical address of its beginning, a multiple of the page size.
    public var gpa: HexValue
    /// The image that it holds; absent, it is zeroes.
    public var imageDigest: String?
    /// Whether its contents are measured. Absent: true.
    public var measure: Bool?
    /// Size of the pages that map it. Absent: 4096.
    public var pageSizeBytes: Int?
    /// Its length, a multiple of the page size; what the image does not fill is zero. Absent: as the image needs.
    public var sizeBytes: Int?

    public init(
        gpa: HexValue, imageDigest: String? = nil, measure: Bool? = nil, pageSizeBytes: Int? = nil,
        sizeBytes: Int? = nil
    ) {
        self.gpa = gpa
        self.imageDigest = imageDigest
        self.measure = measure
        self.pageSizeBytes = pageSizeBytes
        self.sizeBytes = sizeBytes
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("gpa")
        let gpa = object.hex("gpa")
        imageDigest = object.imageDigest("imageDigest")
        measure = object.bool("measure")
        pageSizeBytes = object.integer("pageSizeBytes", oneOf: Self.pageSizes)
        sizeBytes = object.integer("sizeBytes", in: Self.sizeRange)
        if !object.names.contains("imageDigest"), !object.names.contains("sizeBytes") {
            object.refuseConflict("sizeBytes", "is required without an image")
        }
        try object.finish()
        guard let gpa else { throw object.failure }
        self.gpa = gpa
    }
}

/// The body of finalize.
public struct FinalizeTDRequest: RequestBody {
    public static var whenAbsent: Self? { Self() }

    /// Whether to go on although the measurement went astray, or is not what the manifest says. Absent: false.
    public var force: Bool?
    /// What the measurement must be made of.
    public var manifest: MeasurementManifest?

    public init(force: Bool? = nil, manifest: MeasurementManifest? = nil) {
        self.force = force
        self.manifest = manifest
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        force = object.bool("force")
        manifest = object.object("manifest", MeasurementManifest.self)
        try object.finish()
    }
}

/// What a client says a TD's measurement ought to be made of; and the body of POST /tds/{id}/measurement.
public struct MeasurementManifest: RequestBody {
    /// What MRTD must be.
    public var expectedMrtd: Hex384?
    /// What must have been added, in order.
    public var regions: [ManifestRegion]?

    public init(expectedMrtd: Hex384? = nil, regions: [ManifestRegion]? = nil) {
        self.expectedMrtd = expectedMrtd
        self.regions = regions
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        expectedMrtd = object.hex384("expectedMrtd")
        regions = object.objects("regions", ManifestRegion.self, atMost: MemoryRegionRequest.countMax)
        try object.finish()
    }
}

/// One region of a manifest.
public struct ManifestRegion: RequestBody {
    /// Guest physical address of its beginning.
    public var gpa: HexValue
    /// Its length in bytes, a multiple of 4096.
    public var sizeBytes: Int
    /// Whether its contents are measured. Absent: true.
    public var measure: Bool?
    /// The image that it holds; absent, any will do.
    public var imageDigest: String?

    public init(gpa: HexValue, sizeBytes: Int, measure: Bool? = nil, imageDigest: String? = nil) {
        self.gpa = gpa
        self.sizeBytes = sizeBytes
        self.measure = measure
        self.imageDigest = imageDigest
    }

    public init(from decoder: any Decoder) throws {
        var object = try RequestObject(decoder)
        object.require("gpa")
        object.require("sizeBytes")
        let gpa = object.hex("gpa")
        let sizeBytes = object.integer("sizeBytes", in: MemoryRegionRequest.sizeRange)
        if let sizeBytes, !sizeBytes.isMultiple(of: MemoryRegionRequest.pageSizes[0]) {
            object.refuse("sizeBytes", "must be a multiple of \(MemoryRegionRequest.pageSizes[0])")
        }
        measure = object.bool("measure")
        imageDigest = object.imageDigest("imageDigest")
        try object.finish()
        guard let gpa, let sizeBytes else { throw object.failure }
        self.gpa = gpa
        self.sizeBytes = sizeBytes
    }
}

extension RequestObject {
    /// What an image is called.
    mutating func imageDigest(_ name: String) -> String? {
        member(name, "sha384: and 96 lower-case hexadecimal digits") {
            let text = try $0.decode(String.self, forKey: $1)
            return text.hasPrefix("sha384:") && Hex384(text: String(text.dropFirst(7))) != nil ? text : nil
        }
    }
}
