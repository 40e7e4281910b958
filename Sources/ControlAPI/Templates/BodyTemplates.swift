internal import ControlSchema
internal import Threading

/// Bodies of one type of which most say nearly the same: what the encoder made of one is kept, with blanks for what is
/// another one in each, and only those are written into the next.
///
/// The encoder alone decides how a value is written. What is open is left to the caller; everything else is part of
/// the value's shape by being a part of the value, so a member added to the contract cannot be forgotten here.
final class BodyTemplates<Shape: Encodable & Hashable & Sendable>: Sendable {
    private struct Kept: Sendable {
        var templates: [Shape: BodyTemplate] = [:]
        /// Hashes of shapes that came once: most never come again, and are not worth a template.
        var seen: Set<Int> = []
    }

    private let kept = Locked(Kept())

    /// Templates, and the bytes of one. When there are more, all are let go and come back as they are asked for.
    static var templatesMax: Int { 64 }
    static var bytesMax: Int { 16_384 }
    private static var seenMax: Int { 1_024 }

    /// - Parameters:
    ///   - shape: the value with `Blank.all[i]` in the place of `facts[i]`.
    ///   - value: the value itself, for one whose shape is new.
    func body(_ shape: Shape, _ facts: [Fact], value: () -> Shape) -> [UInt8] {
        precondition(facts.count <= Blank.countMax, "more is open than there are blanks")
        let (template, isKnown) = kept.withLock { kept -> (BodyTemplate?, Bool) in
            if let template = kept.templates[shape] { return (template, true) }
            if kept.seen.count >= Self.seenMax { kept.seen = [] }
            return (nil, !kept.seen.insert(shape.hashValue).inserted)
        }
        if let template { return template.filled(with: facts) }
        guard isKnown else { return ControlJSON.encode(value()) }
        let fresh = BodyTemplate(ControlJSON.encode(shape), openTo: facts)
        if fresh.byteCount <= Self.bytesMax {
            kept.withLock { kept in
                if kept.templates.count >= Self.templatesMax { kept.templates = [:] }
                kept.templates[shape] = fresh
            }
        }
        return fresh.filled(with: facts)
    }
}

/// An encoded value with gaps.
struct BodyTemplate: Sendable {
    private struct Gap: Sendable {
        /// Where it is among the bytes that are always the same.
        let place: Int
        /// Which fact belongs there.
        let fact: Int
    }

    private var bytes: [UInt8] = []
    private var gaps: [Gap] = []

    /// - Parameters:
    ///   - encoded: with blanks in it.
    ///   - facts: of the same kinds as those that will be filled in.
    init(_ encoded: [UInt8], openTo facts: [Fact]) {
        let blanks = facts.enumerated().map { Blank.all[$0].isWritten(as: $1) }
        var place = 0
        while place < encoded.count {
            if let fact = blanks.firstIndex(where: { encoded[place...].starts(with: $0) }) {
                gaps.append(Gap(place: bytes.count, fact: fact))
                place += blanks[fact].count
            } else {
                bytes.append(encoded[place])
                place += 1
            }
        }
    }

    var byteCount: Int { bytes.count }

    func filled(with facts: [Fact]) -> [UInt8] {
        var filled: [UInt8] = []
        filled.reserveCapacity(bytes.count + gaps.count * Self.factBytes)
        var start = 0
        for gap in gaps {
            filled.append(contentsOf: bytes[start..<gap.place])
            facts[gap.fact].append(to: &filled)
            start = gap.place
        }
        filled.append(contentsOf: bytes[start...])
        return filled
    }

    /// What a fact usually needs: an id.
    private static var factBytes: Int { 32 }
}
