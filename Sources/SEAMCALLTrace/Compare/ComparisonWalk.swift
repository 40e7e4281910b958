internal import TDXCalls

/// Goes through two lists of calls side by side.
struct ComparisonWalk {
    let order: Comparison.Order
    let shifts: (UInt64, UInt64)
    private(set) var differences: [Parting] = []
    private(set) var agree = 0
    private(set) var differ = 0
    private(set) var onlyInFirst = 0
    private(set) var onlyInSecond = 0

    init(order: Comparison.Order, shifts: (UInt64, UInt64)) {
        self.order = order
        self.shifts = shifts
    }

    mutating func compare(
        td: Int?, _ left: [ComparedCall], _ leftNames: PageNames, _ right: [ComparedCall], _ rightNames: PageNames
    ) {
        var first = 0
        var second = 0
        while first < left.count || second < right.count {
            if first < left.count, second < right.count, left[first].key == right[second].key {
                let found = partings(td, left[first], leftNames, right[second], rightNames)
                if found.isEmpty { agree += 1 } else { differ += 1 }
                keep(found)
                first += 1
                second += 1
                continue
            }
            let skipped = Self.skip(left[first...], right[second...])
            for call in left[first..<first + skipped.first] { keep([lone(td, call, .onlyInFirst)]) }
            for call in right[second..<second + skipped.second] { keep([lone(td, call, .onlyInSecond)]) }
            onlyInFirst += skipped.first
            onlyInSecond += skipped.second
            first += skipped.first
            second += skipped.second
        }
    }

    /// How many calls of each side to pass over so that both are at the same leaf again, as few as can be.
    private static func skip(
        _ left: ArraySlice<ComparedCall>, _ right: ArraySlice<ComparedCall>
    ) -> (first: Int, second: Int) {
        let window = Comparison.lookAheadMax
        for total in 1...2 * window {
            for first in max(0, total - window)...min(total, window) {
                let second = total - first
                guard first < left.count, second < right.count else { continue }
                if left[left.startIndex + first].key == right[right.startIndex + second].key { return (first, second) }
            }
        }
        return (min(left.count, window), min(right.count, window))
    }

    private mutating func keep(_ found: [Parting]) {
        differences += found.prefix(max(0, Comparison.differencesMax - differences.count))
    }

    private func lone(_ td: Int?, _ call: ComparedCall, _ kind: Parting.Kind) -> Parting {
        let isFirst = kind == .onlyInFirst
        let answer = Completion(rawValue: call.call.status?.rawValue ?? 0).description
        return Parting(
            kind: kind, td: td, leaf: call.leaf.name, firstStep: isFirst ? call.step : nil,
            secondStep: isFirst ? nil : call.step, register: nil, first: isFirst ? answer : nil,
            second: isFirst ? nil : answer)
    }

    private func partings(
        _ td: Int?, _ left: ComparedCall, _ leftNames: PageNames, _ right: ComparedCall, _ rightNames: PageNames
    ) -> [Parting] {
        var found: [Parting] = []
        func part(_ kind: Parting.Kind, _ register: Register?, _ first: String, _ second: String) {
            found.append(
                Parting(
                    kind: kind, td: td, leaf: left.leaf.name, firstStep: left.step, secondStep: right.step,
                    register: register?.rawValue, first: first, second: second))
        }
        func isSame(_ first: UInt64, _ second: UInt64) -> Bool {
            if first == second { return true }
            guard order == .td, let one = leftNames.name(of: first, keyIDShift: shifts.0),
                let other = rightNames.name(of: second, keyIDShift: shifts.1)
            else { return false }
            return one == other
        }
        if order == .whole, left.call.lp != right.call.lp {
            part(.processor, nil, "\(left.call.lp)", "\(right.call.lp)")
        }
        for register in Register.allCases {
            let (first, second) = (left.input[register], right.input[register])
            if order == .td, Self.isChance(register, of: left.leaf) { continue }
            if let one = left.source, let other = right.source, one.register == register {
                if one.hash != other.hash { part(.memory, register, hex(first), hex(second)) }
                continue
            }
            if !isSame(first, second) { part(.input, register, hex(first), hex(second)) }
        }
        let answers = (left.call.status?.rawValue ?? 0, right.call.status?.rawValue ?? 0)
        if answers.0 != answers.1 {
            part(
                .completion, nil, Completion(rawValue: answers.0).description,
                Completion(rawValue: answers.1).description)
        }
        let unstable = (left.call.unstable ?? []) + (right.call.unstable ?? [])
        let outputs = (left.output, right.output)
        for register in Register.allCases where !unstable.contains(register.rawValue) {
            let (first, second) = (outputs.0[register], outputs.1[register])
            // What merely came through has been told of on the way in.
            if first == left.input[register], second == right.input[register] { continue }
            if !isSame(first, second) { part(.output, register, hex(first), hex(second)) }
        }
        return found
    }

    /// Which KeyID it became, and whether somebody else's write-back was interrupted.
    private static func isChance(_ register: Register, of leaf: Leaf) -> Bool {
        leaf.number == Leaf.mngCreate.number && register == .rdx
            || leaf.number == Leaf.phymemCacheWB.number && register == .rcx
    }

    private func hex(_ value: UInt64) -> String { Hex(rawValue: value).description }
}
