internal import TDXCalls

/// `struct tdx_shim_module`: what a module says of itself.
enum ModuleDescription {
    static let bytes = 3264
    private static let leavesMax = 256
    private static let cpuidMax = 128

    private static let retriesEntropy: UInt32 = 1 << 0
    private static let hasVPInitX2APICID: UInt32 = 1 << 1

    static func encode(_ module: ModuleInformation, retriesEntropy: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: bytes)
        writer.append(UInt32(bytes))
        writer.append(
            (retriesEntropy ? Self.retriesEntropy : 0) | (module.hasVPInitX2APICID ? hasVPInitX2APICID : 0))
        writer.append(module.majorVersion)
        writer.append(module.minorVersion)
        writer.append(module.updateVersion)
        writer.append(module.buildNumber)
        writer.append(module.buildDate)
        writer.append(module.globalKeyID.rawValue)
        writer.append(module.privateKeyIDs.lowerBound.rawValue)
        writer.append(module.privateKeyIDs.upperBound.rawValue)
        writer.append(module.keyIDShift)
        writer.append(UInt8(0))
        let cpuid = module.cpuidConfig.prefix(cpuidMax)
        writer.append(UInt32(cpuid.count))
        writer.append(module.features0)
        for pages in [module.tdcsPages, module.tdcsPagesPerL2VM, module.tdvpsPages, module.tdvpsPagesPerL2VM] {
            writer.append(UInt32(clamping: pages))
        }
        for mask in [
            module.attributesFixed0, module.attributesFixed1, module.xfamFixed0, module.xfamFixed1,
            module.configFlagsFixed0, module.configFlagsFixed1,
        ] { writer.append(mask) }
        writer.append(UInt32(clamping: module.tscFrequencyKHz))
        writer.append(UInt32(0))
        for word in 0..<leavesMax / 64 {
            writer.append(
                (0..<64).reduce(UInt64(0)) { bits, bit in
                    module.leaves.contains(UInt16(64 * word + bit)) ? bits | 1 << UInt64(bit) : bits
                })
        }
        writer.append(zeroes: 6 * 8)
        for entry in cpuid {
            for value in [
                entry.leaf, entry.subleaf, entry.direct.eax, entry.direct.ebx, entry.direct.ecx, entry.direct.edx,
            ] { writer.append(value) }
        }
        writer.append(zeroes: bytes - writer.bytes.count)
        return writer.bytes
    }

    static func decode(
        _ encoded: ArraySlice<UInt8>, backend: String
    ) throws(MessageFault) -> (module: ModuleInformation, retriesEntropy: Bool) {
        var reader = ByteReader(encoded)
        guard encoded.count == bytes, try reader.number(UInt32.self) == bytes else {
            throw MessageFault("the module's description is not of its size")
        }
        let flags = try reader.number(UInt32.self)
        let major = try reader.number(UInt16.self)
        let minor = try reader.number(UInt16.self)
        let update = try reader.number(UInt16.self)
        let buildNumber = try reader.number(UInt16.self)
        let buildDate = try reader.number(UInt32.self)
        let global = KeyID(rawValue: try reader.number())
        let first = KeyID(rawValue: try reader.number())
        let last = KeyID(rawValue: try reader.number())
        let shift = try reader.number(UInt8.self)
        try reader.skip(1)
        guard first <= last, first.rawValue > 0, (12..<64).contains(shift) else {
            throw MessageFault("the module's KeyIDs cannot be")
        }
        let cpuidCount = try reader.number(UInt32.self)
        guard cpuidCount <= cpuidMax else { throw MessageFault("the module has too many CPUID leaves") }
        let features = try reader.number(UInt64.self)
        let tdcs = try pages(&reader)
        let tdvps = try pages(&reader)
        let attributes = (try reader.number(UInt64.self), try reader.number(UInt64.self))
        let xfam = (try reader.number(UInt64.self), try reader.number(UInt64.self))
        let configFlags = (try reader.number(UInt64.self), try reader.number(UInt64.self))
        let tsc = try reader.number(UInt32.self)
        try reader.skip(4)
        var leaves: Set<UInt16> = []
        for word in 0..<leavesMax / 64 {
            let bits = try reader.number(UInt64.self)
            for bit in 0..<64 where bits >> UInt64(bit) & 1 == 1 { leaves.insert(UInt16(64 * word + bit)) }
        }
        try reader.skip(6 * 8)
        var cpuid: [CPUIDConfigEntry] = []
        for _ in 0..<cpuidCount {
            cpuid.append(
                CPUIDConfigEntry(
                    leaf: try reader.number(), subleaf: try reader.number(),
                    direct: CPUIDValues(
                        eax: try reader.number(), ebx: try reader.number(), ecx: try reader.number(),
                        edx: try reader.number())))
        }
        let module = ModuleInformation(
            backend: backend, majorVersion: major, minorVersion: minor, updateVersion: update, buildDate: buildDate,
            buildNumber: buildNumber, features0: features, globalKeyID: global, privateKeyIDs: first...last,
            keyIDShift: shift, tdcsPages: tdcs.base, tdcsPagesPerL2VM: tdcs.perL2VM, tdvpsPages: tdvps.base,
            tdvpsPagesPerL2VM: tdvps.perL2VM, attributesFixed0: attributes.0, attributesFixed1: attributes.1,
            xfamFixed0: xfam.0, xfamFixed1: xfam.1, configFlagsFixed0: configFlags.0,
            configFlagsFixed1: configFlags.1, cpuidConfig: cpuid, tscFrequencyKHz: UInt64(tsc), leaves: leaves,
            hasVPInitX2APICID: flags & hasVPInitX2APICID != 0)
        return (module, flags & retriesEntropy != 0)
    }

    /// More than any module has, and few enough to be reckoned with.
    private static let structurePagesMax: UInt32 = 4096

    private static func pages(_ reader: inout ByteReader) throws(MessageFault) -> (base: Int, perL2VM: Int) {
        let base = try reader.number(UInt32.self)
        let perL2VM = try reader.number(UInt32.self)
        guard base <= structurePagesMax, perL2VM <= structurePagesMax else {
            throw MessageFault("the module wants too many pages")
        }
        return (Int(base), Int(perL2VM))
    }
}

/// The answer to a hello: the module and the machine under it.
struct ServedDescription: Sendable {
    var module: ModuleInformation
    var retriesEntropy: Bool
    var processors: [ProcessorInfo]
    var capacity: HostCapacity
    /// The platform in the words of whoever serves it; nothing here reads it.
    var platform: [UInt8]

    private static let processorsMax = 4096

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: ModuleDescription.bytes + 64 + 8 * processors.count + platform.count)
        writer.append(contentsOf: ModuleDescription.encode(module, retriesEntropy: retriesEntropy))
        writer.append(UInt32(processors.count))
        for info in processors {
            writer.append(info.processor.rawValue)
            writer.append(info.package.rawValue)
        }
        // KeyID 0 is never private: none.
        writer.append(capacity.keyIDs?.lowerBound.rawValue ?? 0)
        writer.append(capacity.keyIDs?.upperBound.rawValue ?? 0)
        writer.append(UInt32(capacity.source == .kernelAllocator ? 1 : 0))
        writer.append(UInt64(clamping: capacity.pages))
        writer.append(UInt32(platform.count))
        writer.append(contentsOf: platform)
        return writer.bytes
    }

    init(
        module: ModuleInformation, retriesEntropy: Bool, processors: [ProcessorInfo], capacity: HostCapacity,
        platform: [UInt8]
    ) {
        self.module = module
        self.retriesEntropy = retriesEntropy
        self.processors = processors
        self.capacity = capacity
        self.platform = platform
    }

    /// - Throws: ``MessageFault`` if it describes nothing that can be.
    init(_ bytes: ArraySlice<UInt8>, backend: String) throws(MessageFault) {
        var reader = ByteReader(bytes)
        (module, retriesEntropy) = try ModuleDescription.decode(
            try reader.take(ModuleDescription.bytes), backend: backend)
        let count = try reader.number(UInt32.self)
        guard (1...Self.processorsMax).contains(Int(count)) else {
            throw MessageFault("there must be 1 to \(Self.processorsMax) processors")
        }
        processors = []
        for _ in 0..<count {
            let processor = Processor(rawValue: try reader.number())
            let package = Package(rawValue: try reader.number())
            guard processors.last.map({ $0.processor < processor }) ?? true else {
                throw MessageFault("the processors do not ascend")
            }
            processors.append(ProcessorInfo(processor: processor, package: package))
        }
        let low = KeyID(rawValue: try reader.number())
        let high = KeyID(rawValue: try reader.number())
        guard low <= high else { throw MessageFault("the KeyIDs do not ascend") }
        let source: HostCapacity.Source = try reader.number(UInt32.self) == 0 ? .ledger : .kernelAllocator
        let pages = try reader.number(UInt64.self)
        guard pages <= 1 << 40 else { throw MessageFault("there are too many pages") }
        capacity = HostCapacity(keyIDs: low.rawValue == 0 ? nil : low...high, pages: Int(pages), source: source)
        let platformBytes = try reader.number(UInt32.self)
        guard platformBytes == reader.remaining else { throw MessageFault("a description is not of its size") }
        platform = Array(try reader.take(reader.remaining))
    }
}
