internal import TDXCalls

// The same for what the host does without the module.

extension ModuleState {
    /// The allocator gives out a page: whoever had it may have left lines of it dirty.
    func handedOut(_ page: UInt64) {
        guard let entry = metadata(of: page) else { return }
        entry.custody.handOut()
        entry.lastDeed = deed(.allocate)
    }

    func freed(_ entry: PageEntry, at page: UInt64) {
        let (custody, earlier) = (entry.custody, entry.lastDeed)
        let later = deed(.free)
        if custody.isOwned {
            report(.pageFreedWhileOwned, page: page, keyID: custody.keyID, earlier: earlier, later: later)
        } else {
            checkLines(custody, page, earlier, later)
            if custody.hasPrivateRemains { report(.pageNotCleared, page: page, earlier: earlier, later: later) }
        }
        entry.custody.takeBack()
        entry.lastDeed = later
    }

    func cleared(_ entry: PageEntry, at page: UInt64) {
        var custody = entry.custody
        if custody.isOwned {
            report(
                .privateMemoryWritten, page: page, keyID: custody.keyID, earlier: entry.lastDeed, later: deed(.clear))
        } else if hasLines(custody) {
            checkLines(custody, page, entry.lastDeed, deed(.clear))
            // Said once.
            custody.forgetLines()
        }
        custody.isCleared = true
        entry.custody = custody
    }

    func hostWrites(_ range: MemoryRange) {
        forEachPage(range) { page, entry in
            var custody = entry.custody
            let (earlier, later) = (entry.lastDeed, deed(.write))
            if custody.isOwned {
                report(.privateMemoryWritten, page: page, keyID: custody.keyID, earlier: earlier, later: later)
            } else {
                checkLines(custody, page, earlier, later)
                if custody.hasPrivateRemains { report(.pageNotCleared, page: page, earlier: earlier, later: later) }
            }
            custody.write()
            entry.custody = custody
            entry.lastDeed = later
        }
    }

    func hostReads(_ range: MemoryRange) {
        forEachPage(range) { page, entry in
            guard entry.custody.isOwned || entry.custody.hasPrivateRemains else { return }
            report(.wrongKeyID, page: page, keyID: 0, earlier: entry.lastDeed, later: deed(.read))
        }
    }

    func freedKeyID(_ keyID: UInt16) {
        guard keys.state(keyID) != .free else { return }
        report(.keyIDFreedInUse, keyID: keyID, earlier: keys.lastDeed(keyID), later: deed(.freeKeyID))
    }

    /// Reports lines of a page that were not written back before it is used again.
    func checkLines(_ custody: PageCustody, _ page: UInt64, _ earlier: Deed, _ later: Deed) {
        guard hasLines(custody) else { return }
        report(
            custody.keyID == globalKeyID ? .tdrNotWrittenBack : .pageNotWrittenBack, page: page, keyID: custody.keyID,
            earlier: earlier, later: later)
    }

    /// Pages of a range that lie in a TDMR.
    private func forEachPage(_ range: MemoryRange, _ body: (UInt64, PageEntry) -> Void) {
        guard range.size > 0 else { return }
        var page = range.base & ~0xfff
        while page < range.base &+ range.size {
            if let entry = metadata(of: page) { body(page, entry) }
            page += 0x1000
        }
    }
}
