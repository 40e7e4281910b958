internal import TDXCalls

/// A guest address and level as the memory leaves take them in RCX.
struct GPAOperand {
    let gpa: UInt64
    let level: Int
}

/// A secure EPT entry that a walk arrived at, or stopped at.
struct WalkResult {
    let entry: SEPTEntryReference
    let word: SEPTWord
    let level: Int
}

extension Call {
    /// Puts a secure EPT entry into RCX and RDX, where memory leaves explain a refusal.
    mutating func report(_ word: SEPTWord, level: Int) {
        registers.rcx = word.reported
        registers.rdx = UInt64(level) | UInt64(word.state.rawValue) << 8
    }

    /// Form of RCX: reserved bits, level, alignment, width, private.
    ///
    /// - Throws: OPERAND_INVALID with RCX.
    func gpaOperand(_ raw: UInt64, levels: ClosedRange<Int>, of td: TDState) throws(Refusal) -> GPAOperand {
        let level = Int(raw & 7)
        let gpa = raw & 0x000f_ffff_ffff_f000
        guard raw & 0xfff0_0000_0000_0ff8 == 0, levels.contains(level) else {
            throw Refusal(.operandInvalid, .rcx)
        }
        try checkPrivateGPA(gpa, of: td)
        guard gpa & (UInt64(1) << UInt64(12 + 9 * level) - 1) == 0 else { throw Refusal(.operandInvalid, .rcx) }
        return GPAOperand(gpa: gpa, level: level)
    }

    /// - Throws: OPERAND_INVALID with RCX if `gpa` has its shared bit set, or anything above.
    func checkPrivateGPA(_ gpa: UInt64, of td: TDState) throws(Refusal) {
        guard gpa >> UInt64(td.sharedBit) == 0 else { throw Refusal(.operandInvalid, .rcx) }
    }

    /// Walks a TD's secure EPT from the top to the entry of `gpa` at `level`, or to a leaf above it.
    ///
    /// The caller keeps tables from going away: it holds the tree lock, or the TDR exclusively.
    func walk(_ td: TDState, to gpa: UInt64, level: Int) -> WalkResult {
        guard var table = td.septRoot else { preconditionFailure("an initialised TD without a secure EPT") }
        var current = td.topLevel
        while true {
            let index = Int(gpa >> UInt64(12 + 9 * current)) & (SEPTPage.entryCount - 1)
            let entry = table[index]
            let word = entry.load()
            guard current > level, word.state == .nonLeafMapped else {
                return WalkResult(entry: entry, word: word, level: current)
            }
            guard let next = entry.table else { preconditionFailure("a secure EPT entry links to what is no table") }
            table = next
            current -= 1
        }
    }

    /// Walks to exactly `operand`'s level.
    ///
    /// - Throws: EPT_WALK_FAILED with RCX, and the entry where the walk stopped in RCX and RDX.
    mutating func walkExactly(_ td: TDState, _ operand: GPAOperand) throws(Refusal) -> WalkResult {
        let result = walk(td, to: operand.gpa, level: operand.level)
        guard result.level == operand.level else {
            report(result.word, level: result.level)
            throw Refusal(.eptWalkFailed, .rcx)
        }
        return result
    }

    /// The chain of checks of a memory leaf that works on one entry: form of RCX, tree lock, walk, entry lock,
    /// entry state.
    ///
    /// - Throws: OPERAND_INVALID with RCX; OPERAND_BUSY with SEPT_TREE or RCX; EPT_WALK_FAILED and
    ///   EPT_ENTRY_STATE_INCORRECT with RCX.
    mutating func entry(
        _ raw: UInt64, levels: ClosedRange<Int>, of td: TDState, tree: LockMode, where allowed: (SEPTState) -> Bool
    ) throws(Refusal) -> WalkResult {
        let operand = try gpaOperand(raw, levels: levels, of: td)
        try lock(td.treeLock, tree, .septTree)
        let found = try lockEntry(try walkExactly(td, operand))
        guard allowed(found.word.state) else {
            report(found.word, level: found.level)
            throw Refusal(.eptEntryStateIncorrect, .rcx)
        }
        return found
    }

    /// Locks an entry until the call ends, and looks at it again.
    ///
    /// - Throws: OPERAND_BUSY with RCX, and the entry in RCX and RDX.
    mutating func lockEntry(_ found: WalkResult) throws(Refusal) -> WalkResult {
        guard found.entry.tryLock() else {
            report(found.word, level: found.level)
            throw Refusal(.operandBusy, .rcx)
        }
        held.add(found.entry)
        return WalkResult(entry: found.entry, word: found.entry.load(), level: found.level)
    }
}
