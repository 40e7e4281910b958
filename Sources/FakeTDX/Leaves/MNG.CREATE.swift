internal import TDXCalls

extension Call {
    /// TDH.MNG.CREATE, leaf 9: RCX a free page, RDX a KeyID. The page becomes the TDR of a TD.
    mutating func mngCreate() throws(Refusal) -> Completion {
        let keyID = registers.rdx
        guard keyID >> 16 == 0, module.isPrivate(keyID) else { throw Refusal(.operandInvalid, .rdx) }
        let entry = try page(registers.rcx, .rcx, .nda, .exclusive)
        try lock(module.keys.lock, .exclusive, .kot)
        guard module.keys.state(UInt16(keyID)) == .free else {
            module.refusedKeyID(UInt16(keyID), by: leaf, on: processor)
            throw Refusal(.hkidNotFree)
        }
        // The page is zeroed before the last thing that can fail: a refusal for entropy leaves it so.
        module.memory.clear(MemoryRange(base: registers.rcx, size: UInt64(pageSizeBytes)))
        var uuid: [UInt64] = []
        for _ in 0..<4 {
            guard let word = module.entropy.draw() else { throw Refusal(.rndNoEntropy) }
            uuid.append(word)
        }

        // Commit.
        let td = TDState(address: registers.rcx, keyID: UInt16(keyID), uuid: uuid)
        module.given(
            entry, at: registers.rcx, underKeyID: module.globalKeyID, by: leaf, on: processor)
        module.keys.set(UInt16(keyID), .assigned)
        module.keys.note(entry.lastDeed, on: UInt16(keyID))
        entry.assign(.tdr, owner: 0, contents: .td(td))
        return .success
    }
}
