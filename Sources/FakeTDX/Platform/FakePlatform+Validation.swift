internal import TDXCalls

/// Why a platform cannot be.
public struct FakePlatformError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A sentence that names the member and the limit.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension FakePlatform {
    /// Limits of module 1.5.01.
    static let packagesMax = 8
    static let processorsMax = 1024
    /// One past the highest number a processor may have.
    static let processorNumbersEnd = 4096
    static let keyIDBitsRange: ClosedRange<UInt8> = 1...15
    static let tdmrsMax = 64
    static let reservedAreasMax = 16
    static let convertibleRangesMax = 32
    static let cpuidEntriesMax = 12
    public static let cacheSubBlocksMax = 1 << 16

    /// Bytes of a 1 GiB block, the unit of a TDMR.
    static let gigabyte: UInt64 = 1 << 30

    /// Checks that the platform can be; everything else in the fake relies on it.
    ///
    /// - Throws: ``FakePlatformError`` with the first thing that is wrong.
    public func validate() throws(FakePlatformError) {
        try validateProcessors()
        try validateKeyIDs()
        try validateMemory()
        try validateTDMRs()
        guard (1...Self.cacheSubBlocksMax).contains(cacheSubBlocks) else {
            throw FakePlatformError("cacheSubBlocks must lie in 1...\(Self.cacheSubBlocksMax)")
        }
        guard cpuid.count <= Self.cpuidEntriesMax else {
            throw FakePlatformError("at most \(Self.cpuidEntriesMax) configurable CPUID leaves")
        }
        guard nativeTSCFrequencyHz > 0 else { throw FakePlatformError("nativeTSCFrequencyHz must not be 0") }
    }

    private func validateProcessors() throws(FakePlatformError) {
        guard (1...Self.processorsMax).contains(processors.count) else {
            throw FakePlatformError("there must be 1 to \(Self.processorsMax) processors")
        }
        let numbers = processors.map(\.processor)
        guard numbers.allSatisfy({ $0.rawValue < UInt32(Self.processorNumbersEnd) }) else {
            throw FakePlatformError("processor numbers must be below \(Self.processorNumbersEnd)")
        }
        guard zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw FakePlatformError("processors must ascend by number, each once")
        }
        let packages = Set(processors.map(\.package.rawValue))
        guard packages == Set(0..<UInt32(packages.count)), packages.count <= Self.packagesMax else {
            throw FakePlatformError("packages must be numbered from 0, at most \(Self.packagesMax) of them")
        }
    }

    private func validateKeyIDs() throws(FakePlatformError) {
        guard Self.keyIDBitsRange.contains(keyIDBits) else {
            throw FakePlatformError("keyIDBits must lie in \(Self.keyIDBitsRange)")
        }
        guard privateKeyIDs.lowerBound.rawValue > 0, privateKeyIDs.upperBound.rawValue >> keyIDBits == 0 else {
            throw FakePlatformError("private KeyIDs must be above 0 and fit in \(keyIDBits) bits")
        }
        guard privateKeyIDs.contains(globalKeyID) else {
            throw FakePlatformError("the module's own KeyID must be a private one")
        }
    }

    private func validateMemory() throws(FakePlatformError) {
        let limit: UInt64 = 1 << UInt64(keyIDShift)
        guard !convertibleMemory.isEmpty, convertibleMemory.count <= Self.convertibleRangesMax else {
            throw FakePlatformError("there must be 1 to \(Self.convertibleRangesMax) convertible memory ranges")
        }
        for range in convertibleMemory + [hostMemory] {
            guard range.size > 0, range.base.isMultiple(of: 4096), range.size.isMultiple(of: 4096),
                range.base <= limit, range.size <= limit - range.base
            else { throw FakePlatformError("memory ranges must be whole pages below the KeyID bits, and not empty") }
        }
        guard !tdmrs.contains(where: { $0.range.overlaps(hostMemory) }) else {
            throw FakePlatformError("host memory must lie outside the TDMRs")
        }
    }

    private func validateTDMRs() throws(FakePlatformError) {
        guard (1...Self.tdmrsMax).contains(tdmrs.count) else {
            throw FakePlatformError("there must be 1 to \(Self.tdmrsMax) TDMRs")
        }
        for tdmr in tdmrs where tdmr.reserved.count > Self.reservedAreasMax {
            throw FakePlatformError("a TDMR has at most \(Self.reservedAreasMax) reserved areas")
        }
        // The rest is the module's own rule, as it is for a host that brings the module up.
        let checked = TDMRCheck(
            layouts: tdmrs, convertibleMemory: convertibleMemory, addressLimit: 1 << UInt64(keyIDShift))
        if let refusal = checked.firstRefusal() {
            throw FakePlatformError("SYS.CONFIG would refuse the TDMRs: \(refusal)")
        }
    }
}
