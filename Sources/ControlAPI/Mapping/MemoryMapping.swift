internal import ControlSchema
internal import GuestImages
internal import TDLifecycle
internal import TDXCalls

extension TDLifecycle.MemoryRegion {
    /// - Parameter imageBytes: the length of the image that the request names; 0 without one.
    init(_ request: MemoryRegionRequest, imageBytes: UInt64) {
        let pageBytes = UInt64(request.pageSizeBytes ?? TDXCalls.pageSizeBytes)
        let needed = (imageBytes + pageBytes - 1) / pageBytes * pageBytes
        self.init(
            gpa: GPA(rawValue: request.gpa.rawValue), sizeBytes: request.sizeBytes.map { UInt64($0) } ?? needed,
            measure: request.measure ?? true, pageSizeBytes: Int(pageBytes), imageDigest: request.imageDigest)
    }

    init(_ region: ManifestRegion) {
        self.init(
            gpa: GPA(rawValue: region.gpa.rawValue), sizeBytes: UInt64(region.sizeBytes),
            measure: region.measure ?? true, imageDigest: region.imageDigest)
    }
}

extension TDLifecycle.MeasurementManifest {
    init(_ manifest: ControlSchema.MeasurementManifest) {
        self.init(
            expectedMRTD: manifest.expectedMrtd.flatMap { MeasurementID(bytes: $0.bytes) },
            regions: manifest.regions.map { $0.map { TDLifecycle.MemoryRegion($0) } })
    }
}

extension MemoryRegionSpec {
    init(_ region: TDLifecycle.MemoryRegion) {
        self.init(
            gpa: HexValue(region.gpa.rawValue), sizeBytes: Int(clamping: region.sizeBytes), measure: region.measure,
            pageSizeBytes: region.pageSizeBytes, imageDigest: region.imageDigest)
    }
}

extension ControlSchema.MemoryRegion {
    init(_ row: GuestRegion) {
        let region = row.region
        self.init(
            gpa: HexValue(region.gpa.rawValue), sizeBytes: Int(clamping: region.sizeBytes), measure: region.measure,
            pageSizeBytes: region.pageSizeBytes, imageDigest: region.imageDigest, complete: row.isComplete,
            pagesAdded: row.pagesAdded, largePagesMade: region.largePageCount > 0 ? row.largePagesMade : nil,
            chunksExtended: row.chunksExtended, operation: row.operation?.description)
    }
}

extension Hex384 {
    init(full id: MeasurementID) { self = Hex384(bytes: id.bytes) ?? .zero }
}

extension TDMeasurementStatus {
    init(_ domain: Domain) {
        let measurement = domain.memory.measurement
        self.init(
            finalized: domain.isFinalized, diverged: measurement.isDiverged,
            mrtd: measurement.actual.map { Hex384(full: $0) }, verified: measurement.isVerified)
    }
}

extension ControlSchema.Measurement {
    /// - Parameter rtmrs: as they were read; nil where they were not.
    init(_ domain: Domain, rtmrs: [Hex384]? = nil, manifest: ControlSchema.MeasurementManifest? = nil) {
        let measurement = domain.memory.measurement
        let isInitialized = domain.opState == .initialized || domain.opState == .runnable
        let difference = manifest.flatMap { domain.difference(from: TDLifecycle.MeasurementManifest($0)) }
        let td = "/tds/\(domain.id)"
        self.init(
            tdId: domain.id.description, finalized: domain.isFinalized, diverged: measurement.isDiverged,
            expectedMrtd: measurement.expected.map { Hex384(full: $0) },
            expectedUnavailable: domain.expectationLost, actualMrtd: measurement.actual.map { Hex384(full: $0) },
            // Only a guest that runs extends them, and none does here.
            rtmrs: rtmrs ?? (isInitialized ? Array(repeating: .zero, count: Self.rtmrCount) : nil),
            rtmrSource: rtmrs != nil ? .read : isInitialized ? .inferred : nil,
            mrConfigId: Hex384(full: domain.spec.mrConfigID), mrOwner: Hex384(full: domain.spec.mrOwner),
            mrOwnerConfig: Hex384(full: domain.spec.mrOwnerConfig), agrees: manifest.map { _ in difference == nil },
            difference: difference.map { ControlSchema.MeasurementDifference($0) }, revision: domain.revision,
            links: ["self": "\(td)/measurement", "td": td, "memory": "\(td)/memory"])
    }

    static let rtmrCount = 4
}

extension ControlSchema.MeasurementDifference {
    init(_ difference: TDLifecycle.MeasurementDifference) {
        self.init(
            reason: DifferenceReason(rawValue: difference.reason.rawValue), index: difference.index,
            manifest: difference.manifest.map { MeasuredCall($0) },
            accepted: difference.accepted.map { MeasuredCall($0) })
    }
}

extension MeasuredCall {
    fileprivate init(_ event: TDLifecycle.MeasurementDifference.Event) {
        self.init(leaf: LeafName(event.leaf), gpa: HexValue(event.gpa.rawValue))
    }
}

extension ControlSchema.Residue {
    /// What an operation has left of guest memory.
    static func memory(_ residue: TDLifecycle.Residue, td: String) -> [ControlSchema.Residue] {
        var list = residue.memory.map { row in
            let region = row.region
            let measured = region.measure ? ", \(row.chunksExtended) of \(region.chunkCount) chunks measured" : ""
            let large =
                region.largePageCount > 0
                ? ", \(row.largePagesMade) of \(region.largePageCount) pages of 2 MiB made of them" : ""
            return ControlSchema.Residue(
                kind: .memory,
                description: "\(row.pagesAdded) of \(region.pageCount) pages from \(region.gpa.rawValue.hex) on are "
                    + "added\(measured)\(large); they come back when the TD is deleted",
                tdId: td, gpa: HexValue(region.gpa.rawValue),
                chunkCount: region.measure ? row.chunksExtended : nil, pageCount: row.pagesAdded)
        }
        if residue.septPages > 0 {
            list.append(
                ControlSchema.Residue(
                    kind: .sept, description: "\(residue.septPages) secure EPT pages are added", tdId: td,
                    pageCount: residue.septPages))
        }
        if residue.measurementDiverged {
            list.append(
                ControlSchema.Residue(
                    kind: .measurement,
                    description: "the measurement is no longer what was planned: the TD is finalised only with force",
                    tdId: td))
        }
        return list
    }
}
