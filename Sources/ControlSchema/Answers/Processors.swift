/// Packages, logical processors, and the vCPUs associated with each.
public struct ProcessorList: Codable, Hashable, Sendable {
    /// The logical processors, by number.
    public var items: [Processor]
    /// The packages, by number.
    public var packages: [Package]
    /// Sequence of the last change of an association, and the ETag.
    public var revision: UInt64

    public init(
        items: [Processor], packages: [Package], revision: UInt64
    ) {
        self.items = items
        self.packages = packages
        self.revision = revision
    }
}

/// One logical processor.
public struct Processor: Codable, Hashable, Sendable {
    /// Its number.
    public var number: Int
    /// Its package.
    public var package: Int
    /// The vCPUs that are associated with it: only here may they be flushed.
    public var vcpus: [VCPUReference]

    public init(
        number: Int, package: Int, vcpus: [VCPUReference]
    ) {
        self.number = number
        self.package = package
        self.vcpus = vcpus
    }
}

/// One processor package.
public struct Package: Codable, Hashable, Sendable {
    /// Its number.
    public var number: Int
    /// Its logical processors.
    public var processors: [Int]

    public init(
        number: Int, processors: [Int]
    ) {
        self.number = number
        self.processors = processors
    }
}

/// Names a vCPU.
public struct VCPUReference: Codable, Hashable, Sendable {
    /// Its TD.
    public var tdId: String
    /// Its number in the TD.
    public var number: Int

    public init(
        tdId: String, number: Int
    ) {
        self.tdId = tdId
        self.number = number
    }
}
