internal import ControlSchema
internal import TDLifecycle
internal import TDXCalls

// Which member of a spec TDH.MNG.INIT does not like. The module's answer names an operand; what the module says of
// itself (its fixed bits) tells the rest, also before it is asked.

extension TDLifecycle.TDSpec {
    /// What this module is bound to refuse, with the operand that its answer would name.
    func foreseenViolations(_ module: TDXCalls.ModuleInformation) -> [(operand: OperandID, violation: Violation)] {
        var found: [(OperandID, Violation)] = []
        let attributes = FixedBits(
            attributes.rawValue, module.attributesFixed0, module.attributesFixed1, TDAttributes.bitNames)
        if let reason = attributes.objection {
            found.append((.attributes, .spec("attributes", reason, allowed: module.attributesFixed0)))
        }
        let xfam = FixedBits(xfam.rawValue, module.xfamFixed0, module.xfamFixed1, XFAM.bitNames)
        if let reason = xfam.objection {
            found.append((.xfam, .spec("xfam", reason, allowed: module.xfamFixed0)))
        }
        return found + configFlagViolations(module).map { (.execControls, $0) }
    }

    private func configFlagViolations(_ module: TDXCalls.ModuleInformation) -> [Violation] {
        let flags: [(ConfigFlags, member: String, isSet: Bool)] = [
            (.gpaWidth52, "gpaWidthBits", gpaWidthBits == 52),
            (.flexiblePendingVE, "flexiblePendingVe", flexiblePendingVE), (.noRBPMod, "noRbpMod", noRBPMod),
        ]
        return flags.compactMap { flag, member, isSet in
            let value = member == "gpaWidthBits" ? (isSet ? "52" : "48") : "\(isSet)"
            let allowed = isSet ? module.configFlagsFixed0 : ~module.configFlagsFixed1
            return allowed & flag.rawValue == 0 ? .spec(member, "this module does not take \(value)") : nil
        }
    }

    /// The violation behind a refusal by TDH.MNG.INIT or the pages before it; nil where the completion does not tell.
    func violation(_ record: CallRecord, _ module: TDXCalls.ModuleInformation) -> Violation? {
        if record.leaf.number == Leaf.mngAddCX.number, numL2VMs > 0, case .tdcxNumIncorrect? = record.completion {
            return .spec("numL2Vms", "\(numL2VMs) need more TDCS pages than the module takes")
        }
        guard record.leaf.number == Leaf.mngInit.number, let completion = record.completion,
            case .operandInvalid = completion,
            let operand = completion.operand
        else { return nil }
        if let foreseen = foreseenViolations(module).first(where: { $0.operand == operand }) {
            return foreseen.violation
        }
        switch operand {
        case .attributes:
            return .spec("attributes", "these attributes exclude one another", allowed: module.attributesFixed0)
        case .xfam:
            return .spec(
                "xfam", "these features do not go together, or this processor lacks one", allowed: module.xfamFixed0)
        case .maxVCPUs:
            return .spec("maxVcpus", "the module does not take \(maxVCPUs)")
        case .numL2VMs:
            return .spec("numL2Vms", "the module does not take \(numL2VMs)")
        case .execControls:
            return .spec("gpaWidthBits", "the module does not take these CONFIG_FLAGS")
        case .eptpControls:
            return .spec(
                "eptLevels",
                "\(eptLevels) levels do not go with \(gpaWidthBits) bits, or this processor does not have them")
        case .tscFrequency:
            return .spec("tscFrequencyKhz", "the module does not take \(tscFrequencyKHz)")
        case .ia32ArchCapabilitiesConfig:
            return .spec("ia32ArchCapabilities/value", "a bit of the value cannot be set")
        case .cpuidConfig:
            return cpuidViolation(RefusedCPUID(record.output.rcx))
        default:
            return nil
        }
    }

    private func cpuidViolation(_ refused: RefusedCPUID) -> Violation {
        guard refused.rawValue != 0 else {
            let index = cpuid.firstIndex { $0.leaf == 7 && $0.subleaf == 0 }
            return .spec(index.map { "cpuid/\($0)" } ?? "cpuid", "HLE and RTM (EBX bits 4 and 11) must be equal")
        }
        let index = cpuid.firstIndex { $0.leaf == refused.leaf && $0.subleaf == refused.subleaf }
        let leaf = "CPUID leaf \(UInt64(refused.leaf).hex)"
        let name = refused.subleaf.map { "\(leaf), sub-leaf \(UInt64($0).hex)" } ?? leaf
        return .spec(
            index.map { "cpuid/\($0)" } ?? "cpuid", "\(name) has a value that the module does not permit")
    }
}

extension Violation {
    fileprivate static func spec(_ member: String, _ reason: String, allowed: UInt64? = nil) -> Violation {
        Violation(pointer: "/spec/\(member)", reason: reason, allowedMask: allowed.map { HexValue($0) })
    }
}

/// A mask under the module's rule: which bits it has that it may not have, and which it lacks.
private struct FixedBits {
    private let extra: UInt64
    private let missing: UInt64
    private let names: [Int: String]

    init(_ value: UInt64, _ mayBeSet: UInt64, _ mustBeSet: UInt64, _ names: [Int: String]) {
        extra = value & ~mayBeSet
        missing = mustBeSet & ~value
        self.names = names
    }

    var objection: String? {
        if extra != 0 { return "\(list(extra)) is not permitted by this module" }
        if missing != 0 { return "\(list(missing)) must be set on this module" }
        return nil
    }

    private func list(_ bits: UInt64) -> String {
        (0..<64).filter { bits >> UInt64($0) & 1 == 1 }.map { bit in
            names[bit].map { "bit \(bit) (\($0))" } ?? "bit \(bit)"
        }.joined(separator: ", ")
    }
}
