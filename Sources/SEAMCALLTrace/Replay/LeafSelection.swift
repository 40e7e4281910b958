internal import TDXCalls

/// Which traces a replay takes, by the leaves in them.
public enum LeafSelection: String, CaseIterable, Sendable {
    case all
    /// Those whose SEAMCALLs are only the RFC's leaves (RDMD, which audits use, among them) or raw leaf numbers, and
    /// in which no vCPU runs.
    case rfc

    /// The leaves of the RFC's wrappers.
    static let rfcLeaves: Set<UInt16> = Set(
        [
            Leaf.mngKeyConfig, .mngKeyFreeID, .mngCreate, .mngAddCX, .mngInit, .vpCreate, .vpAddCX, .vpInit,
            .phymemPageReclaim, .phymemCacheWB, .phymemPageWBINVD, .phymemPageRDMD, .mngRD, .vpRD, .vpWR, .vpFlush,
            .mngVPFlushDone,
        ].map(\.number))

    public func includes(_ trace: Trace) -> Bool {
        guard self == .rfc else { return true }
        return trace.steps.allSatisfy { step in
            switch step {
            case .tdEvent: return false
            case .call(let call):
                if Hex.parse(call.op) != nil { return true }
                return LeafInfo.named(call.op).map { Self.rfcLeaves.contains($0.number) } ?? false
            default: return true
            }
        }
    }
}

/// A trace name pattern: `*` for any run of characters, `?` for one; without either, a part of the name.
public struct NamePattern: Hashable, Sendable {
    private let pattern: [Character]
    private let isPart: Bool

    public init(_ text: String) {
        pattern = Array(text)
        isPart = !text.contains { $0 == "*" || $0 == "?" }
    }

    public func matches(_ name: String) -> Bool {
        isPart ? name.contains(String(pattern)) : Self.matches(pattern[...], Array(name)[...])
    }

    private static func matches(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
        // Where to go back to: behind the last star, with one more character given to it.
        var retry: (pattern: ArraySlice<Character>, name: ArraySlice<Character>)?
        var pattern = pattern
        var name = name
        while true {
            if let first = pattern.first, first == "*" {
                pattern = pattern.dropFirst()
                retry = (pattern, name)
            } else if let wanted = pattern.first, let character = name.first, wanted == "?" || wanted == character {
                pattern = pattern.dropFirst()
                name = name.dropFirst()
            } else if pattern.isEmpty, name.isEmpty {
                return true
            } else if let back = retry, !back.name.isEmpty {
                retry = (back.pattern, back.name.dropFirst())
                pattern = back.pattern
                name = back.name.dropFirst()
            } else {
                return false
            }
        }
    }
}
