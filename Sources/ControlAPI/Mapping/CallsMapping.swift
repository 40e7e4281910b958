internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

extension SEAMCALLRecord {
    /// - Parameter isFull: with registers, addresses and a debug TD's guest state; else with page ids alone.
    init(_ record: CallRecord, service: ServiceIdentity, isFull: Bool) {
        let info = record.leaf.info
        let isPlanned = record.handledAs == .planned
        let completion = record.completion
        let names = CallNames(record, isFull: isFull)
        self.init(
            id: record.id.description, sequence: isPlanned ? nil : record.sequence, at: Timestamp(record.at),
            durationNanos: isPlanned ? nil : record.durationNanos, leaf: LeafName(record.leaf),
            leafNumber: Int(record.leaf.number), version: Int(record.leaf.version),
            wrapper: LeafInfo.wrapperName(of: record.leaf, isOfTDR: record.page?.kind != .sept),
            processor: Int(record.processor.rawValue), package: record.package.map { Int($0.rawValue) },
            attempt: record.attempt, repeats: record.repeats == 0 ? nil : record.repeats,
            tdId: record.td?.description, vcpuNumber: record.vcpu, keyId: record.keyID.map { Int($0.rawValue) },
            operationId: record.operation?.description, requestId: record.requester.requestID.description,
            principal: record.requester.principal, backend: BackendKind(service),
            in: isFull ? RegisterSet(record.input, info?.inputRegisters ?? [], rax: record.leaf.rawValue) : nil,
            out: isFull && completion != nil
                ? RegisterSet(record.output, info?.outputRegisters ?? [], rax: nil) : nil,
            outComplete: isPlanned ? nil : service.backend.reportsAllOutputs, arguments: names.arguments,
            outputs: names.outputs, completion: completion.map { ControlSchema.Completion($0) },
            shimFailure: isPlanned ? nil : ShimFailure(record), refusedBy: Refuser(record),
            handledAs: Handling(rawValue: record.handledAs.rawValue), redacted: isFull ? nil : true,
            links: Self.links(record))
    }

    private static func links(_ record: CallRecord) -> [String: String]? {
        var links: [String: String] = [:]
        if let name = record.completion?.name, record.completion?.isSuccess == false {
            links["error"] = "/errors/\(name.errorCode)"
        }
        if let operation = record.operation { links["operation"] = "/operations/\(operation)" }
        if let td = record.td { links["td"] = "/tds/\(td)" }
        return links.isEmpty ? nil : links
    }
}

extension LeafInfo {
    private static let wrapperNames: [UInt16: String] = Dictionary(
        all.map { info in
            let linux = info.wrapper?.split(separator: " ").first.map { String($0) }
            return (info.number, linux ?? info.name.lowercased().replacing(".", with: "_"))
        },
        uniquingKeysWith: { first, _ in first })

    /// Linux's name, or the leaf's in its spelling where Linux has no wrapper.
    ///
    /// - Parameter isOfTDR: Linux has two that write a page back. The other one is for what lives under a TD's KeyID.
    static func wrapperName(of leaf: Leaf, isOfTDR: Bool = true) -> String {
        if leaf.number == Leaf.phymemPageWBINVD.number, !isOfTDR { return "tdh_phymem_page_wbinvd_hkid" }
        return wrapperNames[leaf.number] ?? ""
    }
}

extension RegisterSet {
    fileprivate init(_ registers: CallRegisters, _ which: [Register], rax: UInt64?) {
        func value(_ register: Register) -> HexValue? {
            which.contains(register) ? registers[register].map { HexValue($0) } : nil
        }
        self.init(
            rax: rax.map { HexValue($0) }, rcx: value(.rcx), rdx: value(.rdx), r8: value(.r8), r9: value(.r9),
            r10: value(.r10), r11: value(.r11))
    }
}

extension ShimFailure {
    init?(_ record: CallRecord) {
        guard case .port(let error) = record.result else { return nil }
        self.init(
            code: error.ownError.code, errno: error.errorNumber.map { Int($0) }, message: error.explanation)
    }
}

extension Refuser {
    fileprivate init?(_ record: CallRecord) {
        switch record.result {
        case .port where record.handledAs == .planned: return nil
        case .port: self = .shim
        case .completion(let completion) where completion.isError || completion.isNonRecoverable: self = .module
        case .completion: return nil
        }
    }
}

extension PortError {
    var ownError: OwnError {
        if let fault { return fault.ownError }
        return switch reason {
        case .notExecuted, .outcomeUnknown: .shimUnavailable
        case .exhausted: .capacityExhausted
        case .unsupported: .backendLacksLeaf
        }
    }
}

extension PortFault {
    var ownError: OwnError {
        switch self {
        case .undefinedInstruction: .shimUndefinedInstruction
        case .generalProtection: .shimGeneralProtection
        case .vmFailInvalid: .shimVMFailInvalid
        case .timedOut: .shimTimedOut
        case .emulatorLost: .shimEmulatorLost
        case .malformed: .shimRefused
        case .noSuchObject: .shimNoSuchObject
        case .wrongKind: .shimWrongKind
        case .objectBusy: .shimObjectBusy
        case .leafNotCarried: .backendLacksLeaf
        case .noSuchProcessor: .shimNoSuchProcessor
        case .noBackend: .shimNoBackend
        case .notTaken: .shimNotTaken
        case .full: .capacityExhausted
        case .noMemory: .shimNoMemory
        case .interrupted: .shimInterrupted
        case .deviceError: .shimUnavailable
        case .badAnswer: .shimBadAnswer
        }
    }
}

/// What registers mean, by leaf.
private struct CallNames {
    var arguments: CallArguments?
    var outputs: CallOutputs?

    init(_ record: CallRecord, isFull: Bool) {
        var arguments = CallArguments()
        arguments.page = record.page.map { page in
            PageReference(
                id: page.id.description, kind: page.kind.map { ControlSchema.PageKind(rawValue: $0.rawValue) },
                address: isFull ? HexValue(page.address.rawValue) : nil)
        }
        arguments.keyId = record.leaf.number == Leaf.mngCreate.number ? record.keyID.map { Int($0.rawValue) } : nil
        var outputs = CallOutputs()
        switch record.leaf.number {
        case Leaf.mngRD.number, Leaf.mngWR.number:
            Self.field(record, .td, isFull: isFull, &arguments, &outputs)
        case Leaf.vpRD.number, Leaf.vpWR.number:
            Self.field(record, .vp, isFull: isFull, &arguments, &outputs)
        case Leaf.sysRD.number:
            Self.field(record, .sys, isFull: true, &arguments, &outputs)
        case Leaf.vpInit.number:
            arguments.initialRcx = isFull ? HexValue(record.input.rdx) : nil
            if record.leaf.version > 0 { arguments.x2apicId = Int(record.input.r8) }
        case Leaf.phymemCacheWB.number:
            arguments.resume = record.input.rcx == 1
        case Leaf.memSEPTAdd.number, Leaf.memPageAdd.number, Leaf.memPagePromote.number, Leaf.mrExtend.number:
            arguments.gpa = HexValue(record.input.rcx & Self.addressBits)
            if record.repeats > 0 { arguments.lastGpa = HexValue(record.lastInputRCX & Self.addressBits) }
            if [Leaf.memSEPTAdd.number, Leaf.memPagePromote.number].contains(record.leaf.number) {
                arguments.level = Int(record.input.rcx & Self.levelBits)
            }
        case Leaf.phymemPageReclaim.number, Leaf.phymemPageRDMD.number:
            guard record.rcxIsAnswer else { break }
            outputs.pageType = PAMTType(rawValue: PageType(rawValue: record.output.rcx).name)
            outputs.pageOwner = isFull ? HexValue(record.output.rdx) : nil
            outputs.pageSize = PageSize(rawValue: record.output.r8).name
        case Leaf.mngInit.number where record.completion?.isError == true && record.rcxIsAnswer:
            outputs.extendedError = ExtendedError(record.output.rcx, record.completion)
        default:
            break
        }
        self.arguments = arguments == CallArguments() ? nil : arguments
        self.outputs = outputs == CallOutputs() || record.completion == nil ? nil : outputs
    }

    /// Of RCX of the memory leaves: a chunk's address has 256 bytes below it, and the level stands lowest.
    private static let addressBits: UInt64 = ~0xff
    private static let levelBits: UInt64 = 7

    private static func field(
        _ record: CallRecord, _ context: FieldID.Context, isFull: Bool, _ arguments: inout CallArguments,
        _ outputs: inout CallOutputs
    ) {
        let id = FieldID(rawValue: record.input.rdx)
        arguments.fieldId = HexValue(id.rawValue)
        arguments.fieldName = FieldInfo.find(id, in: context).map { found in
            found.info.elementCount > 1 ? "\(found.info.name)[\(found.element)]" : found.info.name
        }
        let isWrite = [Leaf.mngWR.number, Leaf.vpWR.number].contains(record.leaf.number)
        guard isFull else { return }
        if isWrite {
            arguments.value = HexValue(record.input.r8)
            arguments.mask = HexValue(record.input.r9)
        }
        guard record.completion?.isError == false else { return }
        if isWrite { outputs.previous = HexValue(record.output.r8) } else { outputs.value = HexValue(record.output.r8) }
    }
}

extension CallRecord {
    /// Whether RCX is an answer of the leaf's. These leaves take an address in it and clear it first; a call that was
    /// turned away before the leaf leaves it as it was, and an address that went in must not be read as an answer.
    fileprivate var rcxIsAnswer: Bool { completion != nil && output.rcx != input.rcx }
}

extension ExtendedError {
    init(_ rcx: UInt64, _ completion: TDXCalls.Completion?) {
        self.init(raw: HexValue(rcx))
        guard completion?.operand == .cpuidConfig, rcx != 0 else { return }
        let refused = RefusedCPUID(rcx)
        cpuidLeaf = HexValue(UInt64(refused.leaf))
        cpuidSubleaf = refused.subleaf.map { HexValue(UInt64($0)) }
    }
}
