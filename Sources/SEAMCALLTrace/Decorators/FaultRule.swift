public import TDXCalls

/// When something is to go wrong, and what.
public struct FaultRule: Hashable, Sendable {
    /// What happens to a call instead of, or besides, its being made.
    public enum Action: Hashable, Sendable {
        /// The module is not called; the registers stay as they came in.
        case answer(Completion)
        /// The module is called, and answers this whatever it did.
        case answerAfterwards(Completion)
        /// The port fails; the module is not called.
        case failBefore(PortError)
        /// The module is called, then the port fails: the caller does not know what happened.
        case failAfter(PortError)
        /// The call is made later.
        case delay(Duration)
    }

    /// Only this leaf number; nil for any.
    public var leaf: UInt16?
    /// Only on this processor; nil for any.
    public var processor: Processor?
    /// Only calls with one of these pages in RCX, RDX or R8: a TD's TDR and TDVPRs say "this TD". Empty for any.
    public var pages: Set<UInt64>
    /// Which of the matching calls, counted from 1.
    public var occurrences: ClosedRange<Int>
    public var action: Action

    public init(
        leaf: Leaf? = nil, processor: Processor? = nil, pages: Set<UInt64> = [],
        occurrences: ClosedRange<Int> = 1...1, _ action: Action
    ) {
        self.leaf = leaf?.number
        self.processor = processor
        self.pages = pages
        self.occurrences = occurrences
        self.action = action
    }

    func matches(_ leaf: Leaf, _ registers: Registers, _ processor: Processor) -> Bool {
        guard self.leaf == nil || self.leaf == leaf.number else { return false }
        guard self.processor == nil || self.processor == processor else { return false }
        return pages.isEmpty || pages.contains(registers.rcx) || pages.contains(registers.rdx)
            || pages.contains(registers.r8)
    }
}
