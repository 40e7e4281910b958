public import FakeTDX
public import SEAMCALLTrace
internal import TDXCalls

extension TracePlatform {
    /// A fake's platform, as a recording's head tells it.
    ///
    /// - Parameter cacheSubBlocks: more than the platform has, where a write-back can be interrupted within one.
    public init(_ platform: FakePlatform, profile: FakeProfile = .release1501, cacheSubBlocks: Int? = nil) {
        self.init(platform.processors)
        keyIDBits = Int(platform.keyIDBits)
        setPrivateKeyIDs(platform.privateKeyIDs, global: platform.globalKeyID)
        tdmrs = platform.tdmrs.map { tdmr in
            MemoryRegion(
                base: tdmr.range.base, size: tdmr.range.size, reserved: tdmr.reserved.map { [$0.base, $0.size] },
                isInitialized: tdmr.isInitialized, pamt4K: tdmr.pamt4K.base, pamt2M: tdmr.pamt2M.base,
                pamt1G: tdmr.pamt1G.base)
        }
        cmrs = platform.convertibleMemory.map { TracePlatform.MemoryRange(base: $0.base, size: $0.size) }
        self.cacheSubBlocks = max(platform.cacheSubBlocks, cacheSubBlocks ?? 0)
        randomSeed = Hex(rawValue: platform.randomSeed)
        self.profile = profile.rawValue
    }
}

extension FakePlatform {
    /// The platform a recording's head tells of; what it does not say is as in the recordings at hand.
    ///
    /// What cannot be is found by ``FakePlatform/validate()``.
    public init(_ head: TracePlatform) {
        let standard = FakePlatform.oracle
        self = .oracle(
            processors: head.lps ?? standard.processors.count, packages: head.packages ?? standard.packageCount)
        if let packages = head.lpToPackage {
            processors = packages.compactMap { lp, package in
                guard let lp = UInt32(lp), let package = UInt32(exactly: package) else { return nil }
                return ProcessorInfo(processor: Processor(rawValue: lp), package: Package(rawValue: package))
            }.sorted { $0.processor < $1.processor }
        }
        if let bits = head.keyIDBits { keyIDBits = UInt8(clamping: bits) }
        if let range = head.privateKeyIDRange { privateKeyIDs = range }
        if let global = head.globalKeyID { globalKeyID = KeyID(rawValue: UInt16(clamping: global)) }
        if let tdmrs = head.tdmrs { self.tdmrs = tdmrs.map(TDMRLayout.init) }
        if let cmrs = head.cmrs {
            convertibleMemory = cmrs.map { MemoryRange(base: $0.base.rawValue, size: $0.size.rawValue) }
        }
        if let blocks = head.cacheSubBlocks { cacheSubBlocks = blocks }
        if let seed = head.randomSeed { randomSeed = seed.rawValue }
    }
}

extension TracePlatform {
    /// One that nobody here knows is replayed on the standard one, and the differences tell.
    var fakeProfile: FakeProfile { profile.flatMap(FakeProfile.init(rawValue:)) ?? .release1501 }

    fileprivate var privateKeyIDRange: ClosedRange<KeyID>? {
        let ends = privateKeyIDs?.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt16($0) } ?? []
        guard ends.count == 2, ends[0] <= ends[1] else { return nil }
        return KeyID(rawValue: ends[0])...KeyID(rawValue: ends[1])
    }
}

extension TDMRLayout {
    fileprivate init(_ head: TracePlatform.MemoryRegion) {
        let size = head.size.rawValue
        self.init(
            range: MemoryRange(base: head.base.rawValue, size: size),
            reserved: head.reserved.filter { $0.count == 2 }.map {
                MemoryRange(base: $0[0].rawValue, size: $0[1].rawValue)
            },
            isInitialized: head.isInitialized,
            pamt4K: Self.table(head.pamt4K, for: size, of: 1 << 12),
            pamt2M: Self.table(head.pamt2M, for: size, of: 1 << 21),
            pamt1G: Self.table(head.pamt1G, for: size, of: 1 << 30))
    }

    /// A metadata table has an entry for each page of its size, and is whole pages.
    private static func table(_ base: Hex, for size: UInt64, of pageBytes: UInt64) -> MemoryRange {
        let bytes = size / pageBytes * metadataEntryBytes
        return MemoryRange(base: base.rawValue, size: max(4096, (bytes + 4095) & ~4095))
    }

    private static let metadataEntryBytes: UInt64 = 16
}
