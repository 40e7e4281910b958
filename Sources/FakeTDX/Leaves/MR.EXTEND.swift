internal import Digests
internal import TDXCalls

extension Call {
    /// TDH.MR.EXTEND, leaf 16: RCX guest address of 256 bytes, RDX the TDR. The measurement takes the address and
    /// the bytes.
    mutating func mrExtend() throws(Refusal) -> Completion {
        let (gpa, tdr) = (registers.rcx, registers.rdx)
        registers.rcx = 0
        registers.rdx = 0
        let td = try td(tdr, .rdx, .exclusive)
        try check(td, allow: .initialized, opStateLock: nil)
        guard gpa & UInt64(Self.extendBytes - 1) == 0 else { throw Refusal(.operandInvalid, .rcx) }
        try checkPrivateGPA(gpa, of: td)
        let address = try mappedAddress(of: gpa, td)

        // Commit.
        td.measurement.add(.extend, gpa, from: module.memory, at: address)
        return .success
    }

    /// Bytes of guest memory that one MR.EXTEND takes.
    static var extendBytes: Int { MeasuredEvent.extendBytes }

    /// Where a guest address is in physical memory.
    ///
    /// - Throws: EPT_ENTRY_NOT_PRESENT with RCX, and the entry in RCX and RDX, where the walk finds no leaf that can
    ///   be used.
    mutating func mappedAddress(of gpa: UInt64, _ td: TDState) throws(Refusal) -> UInt64 {
        let found = walk(td, to: gpa, level: 0)
        guard found.word.state == .mapped else {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryNotPresent, .rcx)
        }
        return found.word.page | gpa & (UInt64(1) << UInt64(12 + 9 * found.level) - 1)
    }
}
