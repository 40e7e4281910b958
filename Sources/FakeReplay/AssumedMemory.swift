internal import SEAMCALLTrace
internal import TDXCalls

// A recording of a back end that cannot say where the machine's memory is: a replay needs some, and takes what the pages
// that the module was given lie in.

extension Trace {
    /// The platform it is replayed on, and what was assumed of it, in a sentence.
    func replayPlatform() throws(ReplayFailure) -> (platform: TracePlatform, assumption: String?) {
        var head = platform ?? TracePlatform()
        guard head.lacksMemory else { return (head, nil) }
        let pages = givenPages
        guard let lowest = pages.min(), let highest = pages.max() else { return (head, nil) }
        let base = lowest / Self.unit * Self.unit
        let units = highest / Self.unit - base / Self.unit + 1
        guard units <= Self.unitsMax else {
            throw ReplayFailure(
                reason:
                    "cannot be replayed: its back end does not tell where the machine's memory is, and the pages lie "
                    + "\(units) GiB apart")
        }
        let end = base + units * Self.unit
        // Tables of 16 bytes for each page of 4 KiB, 2 MiB and 1 GiB, behind the memory.
        let (tables4K, tables2M) = (units * (Self.unit >> 8), units * (Self.unit >> 17))
        let tables1G = (units * 16 + 4095) / 4096 * 4096
        head.tdmrs = [
            TracePlatform.MemoryRegion(
                base: base, size: units * Self.unit, reserved: [], isInitialized: true, pamt4K: end,
                pamt2M: end + tables4K, pamt1G: end + tables4K + tables2M)
        ]
        head.cmrs = [
            TracePlatform.MemoryRange(base: base, size: units * Self.unit + tables4K + tables2M + tables1G)
        ]
        return (
            head,
            "its back end does not tell where the machine's memory is: \(units) GiB at \(Hex(rawValue: base)) are "
                + "assumed"
        )
    }

    private static let unit: UInt64 = 1 << 30
    /// More than any machine has.
    private static let unitsMax: UInt64 = 1 << 14

    /// Addresses of the pages that calls gave to the module.
    private var givenPages: [UInt64] {
        steps.compactMap { step in
            guard case .call(let call) = step, let leaf = try? call.leaf(),
                let register = Self.pageOperands[leaf.number]
            else { return nil }  // `try?`: a leaf that nobody knows gives no page.
            return call.in[register.rawValue]?.rawValue
        }
    }

    private static let pageOperands: [UInt16: Register] = [
        Leaf.mngCreate.number: .rcx, Leaf.mngAddCX.number: .rcx, Leaf.vpCreate.number: .rcx, Leaf.vpAddCX.number: .rcx,
        Leaf.memSEPTAdd.number: .r8, Leaf.memPageAdd.number: .r8, Leaf.memPageAug.number: .r8,
    ]
}

/// Why a recording cannot be replayed.
struct ReplayFailure: Error {
    /// A sentence without a subject, which is the recording.
    let reason: String
}
