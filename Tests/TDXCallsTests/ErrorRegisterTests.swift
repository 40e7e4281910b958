import TDXCalls
import Testing

@Suite("Registers of a refusal, by name")
struct ErrorRegisterTests {
    @Test("The memory leaves name the SEPT entry, its level, state and VM")
    func septEntry() {
        let entry = refusal(.memPageAdd, .eptEntryStateIncorrect, rcx: 0x8000_0000_0000_0000, rdx: 0x2_8403).septEntry
        #expect(entry?.entry == 0x8000_0000_0000_0000)
        #expect(entry?.level == 3)
        #expect(entry?.state == 0x84)
        #expect(entry?.vmIndex == 2)
    }

    @Test("A memory leaf that returns a page on success names the entry on refusal all the same")
    func entryOfRemove() {
        for leaf in [Leaf.memPageRemove, .memSEPTRemove, .memPageRelocate, .memPagePromote] {
            #expect(refusal(leaf, .eptWalkFailed, rcx: 0x8000_0000_0000_0000, rdx: 3).septEntry?.level == 3)
        }
    }

    @Test("A memory leaf that did not walk names no entry: both registers are zero")
    func noWalk() {
        #expect(refusal(.memPageAdd, .opStateIncorrect, rcx: 0, rdx: 0).septEntry == nil)
    }

    @Test("A memory leaf that was not reached names no entry: RCX is the GPA that went in")
    func notReached() {
        #expect(refusal(.memPageAdd, .sysNotReady, rcx: 0x1000, rdx: 0x1_0010_0000).septEntry == nil)
        let version = Completion(.operandInvalid, operand: .rax)
        #expect(refusal(.memSEPTAdd, version, rcx: 0x1000, rdx: 0x1_0010_0000).septEntry == nil)
    }

    @Test("Leaves whose extended errors mean something else name no SEPT entry")
    func otherExtendedErrors() {
        for leaf in [Leaf.sysInit, .sysLPInit, Leaf(85), Leaf(86), Leaf(87), .mrFinalize, .memTrack, .mngInit] {
            #expect(refusal(leaf, .operandInvalid, rcx: 1, rdx: 1).septEntry == nil)
        }
    }

    @Test("Only RECLAIM and RDMD name page metadata")
    func pageMetadata() {
        for info in LeafInfo.all {
            let error = refusal(Leaf(info.number), .lifecycleStateIncorrect, rcx: 4, rdx: 0)
            let expected: PageType? = [24, 28].contains(info.number) ? .tdr : nil
            #expect(error.pageMetadata?.type == expected, "\(info.name)")
        }
    }

    @Test("Only MNG.INIT names a CPUID setting")
    func refusedCPUID() {
        for info in LeafInfo.all {
            let error = refusal(
                Leaf(info.number), Completion(.operandInvalid, operand: .cpuidConfig), rcx: 0x7, rdx: 0)
            #expect(error.refusedCPUID?.leaf == (info.number == 21 ? 7 : nil), "\(info.name)")
        }
    }

    private func refusal(_ leaf: Leaf, _ completion: Completion, rcx: UInt64, rdx: UInt64) -> SEAMCALLError {
        SEAMCALLError(
            leaf: leaf, processor: Sample.processor, cause: .refused(completion),
            registers: Registers(rcx: rcx, rdx: rdx))
    }
}

@Suite("Registers")
struct RegisterTests {
    @Test("Each of the fourteen registers has a place of its own under its name")
    func subscripts() {
        #expect(Register.allCases.count == 14)
        var file = Registers()
        for (index, register) in Register.allCases.enumerated() { file[register] = UInt64(index) + 100 }
        for (index, register) in Register.allCases.enumerated() { #expect(file[register] == UInt64(index) + 100) }
        #expect([file.rcx, file.rdx, file.rbx, file.rbp, file.rsi, file.rdi] == [100, 101, 102, 103, 104, 105])
        #expect([file.r8, file.r9, file.r10, file.r11] == [106, 107, 108, 109])
        #expect([file.r12, file.r13, file.r14, file.r15] == [110, 111, 112, 113])
    }

    @Test("A register that is not set is zero")
    func zeroes() {
        for register in Register.allCases { #expect(Registers()[register] == 0) }
    }
}

@Suite("TD and VP")
struct StructureTests {
    @Test("They have the RFC's members and no other: what else there is to know belongs to whoever embeds them")
    func members() {
        #expect(Mirror(reflecting: Sample.td).children.map(\.label) == ["tdr", "tdcs"])
        #expect(Mirror(reflecting: Sample.vp).children.map(\.label) == ["tdvpr", "tdcx"])
    }

    @Test("A page address of any kind is the same number")
    func anyKind() {
        #expect(Sample.td.tdr.any.rawValue == Sample.td.tdr.rawValue)
    }
}
