import TDXCalls
import Testing

private struct StatusCodes: Decodable {
    struct Code: Decodable {
        let name: String
        let value: Hexadecimal
        let error: Bool
        let nonRecoverable: Bool
        let fatal: Bool
        let hostRecoverabilityHint: Bool
        let classCode: UInt8
        let className: String
        let nameCode: UInt8
        let outcome: String
        let recoverable: Bool?
        let lowBits: String
        let since: String
        let description: String
    }

    struct Operand: Decodable {
        let name: String
        let id: UInt32
    }

    let codes: [Code]
    let softwareCodes: [Code]
    let operandIds: [Operand]
}

@Suite("Completions")
struct CompletionTests {
    private let reference: StatusCodes

    init() throws { reference = try Reference.load("tdx-status-codes.json", as: StatusCodes.self) }

    @Test("The table has every code of the reference, with its names, flags and explanation, and no other")
    func wholeTable() throws {
        let codes = reference.codes + reference.softwareCodes
        #expect(codes.count == 187)
        #expect(CompletionInfo.all.count == codes.count)
        for code in codes {
            let completion = Completion(rawValue: code.value.value)
            let info = try #require(completion.info, "\(code.name)")
            #expect(info.name == code.name)
            #expect(info.completion == completion)
            #expect(info.className == code.className)
            #expect(info.since == code.since)
            #expect(info.explanation == code.description)
            #expect(completion.name == code.name)
            #expect(CompletionInfo.named(code.name)?.completion == completion)
            #expect(completion.isError == code.error, "\(code.name)")
            #expect(completion.isNonRecoverable == code.nonRecoverable, "\(code.name)")
            #expect(completion.isFatal == code.fatal, "\(code.name)")
            #expect(completion.hasHostRecoverabilityHint == code.hostRecoverabilityHint, "\(code.name)")
            #expect(completion.classCode == code.classCode, "\(code.name)")
            #expect(completion.nameCode == code.nameCode, "\(code.name)")
            #expect(completion.outcome == outcome(of: code), "\(code.name)")
        }
    }

    @Test("How the low half is read is the reference's word for each code")
    func details() throws {
        let kinds: [String: CompletionInfo.Details] = [
            "none_or_leaf_specific": .leafSpecific, "operand_id": .operand, "info_bytes": .infoBytes,
            "msr_index": .msrIndex, "x2apic_id": .x2apicID, "software": .leafSpecific, "vector": .vector,
        ]
        for code in reference.codes + reference.softwareCodes {
            let kind = try #require(kinds[code.lowBits], "\(code.lowBits)")
            #expect(CompletionInfo.named(code.name)?.details == kind, "\(code.name)")
        }
    }

    @Test("A code that carries an operand names it for every operand id; the others name none")
    func operands() {
        #expect(reference.operandIds.count == 50)
        for operand in reference.operandIds {
            #expect(OperandID(rawValue: operand.id).name == operand.name)
            for code in reference.codes where code.classCode != 0xff {
                let completion = Completion(
                    Completion(rawValue: code.value.value), operand: OperandID(rawValue: operand.id))
                #expect(completion.details == operand.id)
                #expect(completion.name == code.name)
                let expected = code.lowBits == "operand_id" ? OperandID(rawValue: operand.id) : nil
                #expect(completion.operand == expected, "\(completion)")
            }
        }
    }

    @Test("The operand constants carry the numbers of the names they stand for")
    func operandConstants() {
        let constants: [(OperandID, String)] = [
            (.rax, "RAX"), (.rcx, "RCX"), (.rdx, "RDX"), (.r8, "R8"), (.r9, "R9"), (.r10, "R10"), (.r11, "R11"),
            (.attributes, "ATTRIBUTES"), (.xfam, "XFAM"), (.execControls, "EXEC_CONTROLS"),
            (.eptpControls, "EPTP_CONTROLS"), (.maxVCPUs, "MAX_VCPUS"), (.cpuidConfig, "CPUID_CONFIG"),
            (.tscFrequency, "TSC_FREQUENCY"), (.numL2VMs, "NUM_L2_VMS"),
            (.ia32ArchCapabilitiesConfig, "IA32_ARCH_CAPABILITIES_CONFIG"), (.tdr, "TDR"), (.septTree, "SEPT_TREE"),
            (.tdEpoch, "TD_EPOCH"), (.opState, "OP_STATE"), (.metadataField, "METADATA_FIELD"), (.kot, "KOT"),
            (.ket, "KET"), (.wbCache, "WBCACHE"),
        ]
        for (operand, name) in constants { #expect(operand.name == name) }
    }

    @Test("A pattern matches its code with any details, and no other code")
    func patterns() {
        for (row, code) in reference.codes.enumerated() where code.classCode != 0xff {
            let completion = Completion(rawValue: code.value.value)
            #expect(completion ~= Completion(rawValue: code.value.value | 0xffff_ffff), "\(code.name)")
            for other in reference.codes[(row + 1)...] {
                let unlike = Completion(rawValue: other.value.value)
                #expect(!(completion ~= unlike) && !(unlike ~= completion), "\(code.name), \(other.name)")
            }
        }
    }

    @Test("Codes made by software share their upper half and match only whole")
    func softwarePatterns() {
        let codes = reference.softwareCodes.map { Completion(rawValue: $0.value.value) }
        for one in codes {
            #expect(one.isMadeBySoftware)
            for other in codes { #expect((one ~= other) == (one == other)) }
        }
        #expect(!Completion.operandBusy.isMadeBySoftware)
    }

    @Test("The constants a host handles most have the values of the specification")
    func constants() {
        let constants: [(Completion, UInt64)] = [
            (.success, 0), (.nonRecoverableVCPU, 0x4000_0001_0000_0000), (.nonRecoverableTD, 0x6000_0002_0000_0000),
            (.interruptedResumable, 0x8000_0003_0000_0000), (.operandInvalid, 0xc000_0100_0000_0000),
            (.operandAddrRangeError, 0xc000_0101_0000_0000), (.operandBusy, 0x8000_0200_0000_0000),
            (.rndNoEntropy, 0x8000_0203_0000_0000), (.pageMetadataIncorrect, 0xc000_0300_0000_0000),
            (.tdAssociatedPagesExist, 0xc000_0400_0000_0000), (.sysNotReady, 0xc000_0505_0000_0000),
            (.tdFatal, 0xe000_0604_0000_0000), (.tdcsNotAllocated, 0xc000_0606_0000_0000),
            (.lifecycleStateIncorrect, 0xc000_0607_0000_0000), (.opStateIncorrect, 0xc000_0608_0000_0000),
            (.tdcxNumIncorrect, 0xc000_0610_0000_0000), (.vcpuStateIncorrect, 0xc000_0700_0000_0000),
            (.vcpuAssociated, 0x8000_0701_0000_0000), (.vcpuNotAssociated, 0x8000_0702_0000_0000),
            (.maxVCPUsExceeded, 0xc000_0705_0000_0000), (.keyGenerationFailed, 0x8000_0800_0000_0000),
            (.tdKeysNotConfigured, 0x8000_0810_0000_0000), (.keyConfigured, 0x0000_0815_0000_0000),
            (.wbCacheNotComplete, 0x8000_0817_0000_0000), (.hkidNotFree, 0xc000_0820_0000_0000),
            (.noHKIDReadyToWBCache, 0x0000_0821_0000_0000), (.wbCacheResumeError, 0xc000_0823_0000_0000),
            (.flushVPNotDone, 0x8000_0824_0000_0000), (.inconsistentMSR, 0xc000_0920_0000_0000),
            (.metadataFieldIDIncorrect, 0xc000_0c00_0000_0000), (.x2apicIDNotUnique, 0xc000_0621_0000_0000),
        ]
        for (completion, value) in constants { #expect(completion.rawValue == value) }
    }

    @Test("An unknown code survives: no name, its hexadecimal value, its flags")
    func unknownCode() {
        let completion = Completion(rawValue: 0x9000_7f05_0000_002a)
        #expect(completion.info == nil)
        #expect(completion.name == nil)
        #expect(completion.operand == nil)
        #expect(completion.description == "0x90007f050000002a")
        #expect(completion.isError && !completion.isNonRecoverable && completion.hasHostRecoverabilityHint)
        #expect(completion.outcome == .recoverable)
        #expect(completion.classCode == 0x7f && completion.nameCode == 5 && completion.details == 42)
    }

    @Test("An unknown operand survives as its number")
    func unknownOperand() {
        let completion = Completion(.operandInvalid, operand: OperandID(rawValue: 1000))
        #expect(completion.operand?.name == "1000")
        #expect(completion.description == "TDX_OPERAND_INVALID (0xc0000100000003e8, operand 1000)")
    }

    @Test("A description gives the name and sixteen digits, and the operand where there is one")
    func descriptions() {
        #expect(Completion.success.description == "TDX_SUCCESS (0x0000000000000000)")
        #expect(Completion.keyConfigured.description == "TDX_KEY_CONFIGURED (0x0000081500000000)")
        #expect(
            Completion(.operandBusy, operand: .kot).description
                == "TDX_OPERAND_BUSY (0x80000200000000ba, operand KOT)")
        #expect(
            Completion(rawValue: 0x8000_ff00_0000_000d).description == "TDX_SEAMCALL_GP (0x8000ff000000000d)")
    }

    private func outcome(of code: StatusCodes.Code) -> Completion.Outcome {
        switch code.outcome {
        case "success": .success
        case "success_with_info": .information
        case "non_recoverable_exit": .exit
        default: code.fatal ? .fatal : code.recoverable == true ? .recoverable : .error
        }
    }
}
