internal import TDXCalls

/// Fields whose values no replay can meet again: those drawn at random or taken from a clock, and on other machines
/// those of their processors.
enum UnstableFields {
    private static let always: Set<String> = [
        "TD_UUID", "TSC_OFFSET", "LAST_EXIT_TSC", "VMCS_TIME_STAMP_COUNTER_OFFSET",
    ]
    private static let ofProcessors = ["CPUID_VALUES", "XBUFF", "IA32_", "CPUID_LAST", "TSC_"]

    /// The registers of an answer that hold such a value.
    ///
    /// - Parameter isFake: whether the processor is the one a replay has too.
    static func registers(_ leaf: Leaf, _ input: Registers, isFake: Bool) -> [String]? {
        let context: FieldID.Context
        switch leaf.number {
        case Leaf.mngRD.number, Leaf.mngWR.number: context = .td
        case Leaf.vpRD.number, Leaf.vpWR.number: context = .vp
        default: return nil
        }
        guard let name = FieldInfo.find(FieldID(rawValue: input.rdx), in: context)?.info.name else { return nil }
        let isUnstable = always.contains(name) || !isFake && ofProcessors.contains { name.hasPrefix($0) }
        return isUnstable ? [Register.r8.rawValue] : nil
    }
}
