internal import Synchronization
public import TDXCalls
internal import Threading

// What a test, a recording or a demonstration may order from outside the module. No call goes through here.

/// One of the module's locks.
public enum FakeLock: Hashable, Sendable {
    /// The key ownership table.
    case keyTable
    /// The module-wide lock.
    case system
    /// A package's write-back mutex.
    case writeBack(package: Int)
    /// Metadata of the page at an address, with the entries above it held shared.
    case page(UInt64)
    /// A TD's operation state, by its TDR's address.
    case opState(td: UInt64)
    /// A TD's secure EPT.
    case septTree(td: UInt64)
    /// A TD's epoch.
    case epoch(td: UInt64)
}

extension FakeTDX {
    /// Takes a lock as another processor would, until ``release(_:)``.
    ///
    /// - Returns: false if the lock is not to be had, or there is no such page, package or TD.
    public func hold(_ lock: FakeLock, exclusively: Bool = true) -> Bool {
        let mode = exclusively ? LockMode.exclusive : .shared
        var call = Call(module: state, processor: state.processors[0], leaf: .phymemPageRDMD)
        do throws(Refusal) {
            if case .page(let address) = lock {
                _ = try call.lockMetadata(address, .rcx, mode)
            } else {
                guard let reference = reference(lock) else { return false }
                try call.lock(reference, mode, .rcx)
            }
        } catch {
            call.held.releaseAll()
            return false
        }
        let taken = call.held.takeAll()
        state.heldOutside.withLock { $0.append(HeldOutside(lock: lock, taken: taken)) }
        return true
    }

    /// Gives back the latest hold of a lock.
    ///
    /// - Returns: false if it is not held by ``hold(_:exclusively:)``.
    public func release(_ lock: FakeLock) -> Bool {
        let found = state.heldOutside.withLock { held -> HeldOutside? in
            guard let index = held.lastIndex(where: { $0.lock == lock }) else { return nil }
            return held.remove(at: index)
        }
        guard let found else { return false }
        for taken in found.taken.reversed() { taken.release() }
        return true
    }

    private func reference(_ lock: FakeLock) -> LockReference? {
        switch lock {
        case .keyTable: state.keys.lock
        case .system: state.globalLock
        case .writeBack(let package):
            state.packages.indices.contains(package) ? state.packages[package].writeBackLock : nil
        case .page: nil
        case .opState(let address): state.td(at: address)?.opStateLock
        case .septTree(let address): state.td(at: address)?.treeLock
        case .epoch(let address): state.td(at: address)?.epochLock
        }
    }

    /// The n-th poll for interrupts from now, in whichever CACHE.WB, sees one; 0 for none.
    public func orderInterrupt(atPoll poll: Int) { state.interrupts.order(at: poll) }

    /// The next key generations fail; Int.max for all until ordered otherwise.
    public func failKeyGenerations(_ count: Int) {
        state.entropy.keyFailures.store(max(0, count), ordering: .relaxed)
    }

    /// The next random draws fail; Int.max for all until ordered otherwise. The module itself tries
    /// ``randomDrawAttempts`` times before it says RND_NO_ENTROPY.
    public func failRandomDraws(_ count: Int) {
        state.entropy.drawFailures.store(max(0, count), ordering: .relaxed)
    }

    /// How often the module draws before it gives up.
    public static var randomDrawAttempts: Int { EntropySource.drawAttemptsMax }

    /// Whether IA32_TSC_ADJUST has been changed since boot, which MNG.INIT and VP.INIT refuse.
    public func setTSCAdjustDiffers(_ differs: Bool) { state.tscAdjustDiffers.store(differs, ordering: .relaxed) }

    /// Whether IA32_MISC_ENABLE limits CPUID, which SYS.INIT and MNG.INIT refuse.
    public func setCPUIDLimited(_ isLimited: Bool) { state.cpuidLimited.store(isLimited, ordering: .relaxed) }

    /// Declares a TD fatal, as a machine check would. To be done while no call works on the TD.
    ///
    /// - Returns: false if there is no TD with this TDR.
    public func setFatal(td address: UInt64) -> Bool {
        guard let td = state.td(at: address) else { return false }
        td.isFatal = true
        return true
    }

    /// Fills physical memory as the host would, wherever it is.
    public func writePhysical(_ bytes: [UInt8], at address: UInt64) {
        state.hostWrites(MemoryRange(base: address, size: UInt64(bytes.count)))
        state.memory.write(bytes, at: address)
    }

    /// Physical memory as the host would see it.
    public func readPhysical(at address: UInt64, count: Int) -> [UInt8] {
        state.hostReads(MemoryRange(base: address, size: UInt64(max(0, count))))
        return state.memory.read(at: address, count: count)
    }

    /// Whether a page's cache lines were flushed since it was handed out last; nil for a page that never is.
    public func isFlushed(_ page: PageAddress<HostOwned>) -> Bool? {
        host.isPage(page.rawValue) ? state.metadata(of: page.rawValue)?.custody.isFlushed : nil
    }

    /// Whether a page was cleared since it was handed out last; nil for a page that never is.
    public func isCleared(_ page: PageAddress<HostOwned>) -> Bool? {
        host.isPage(page.rawValue) ? state.metadata(of: page.rawValue)?.custody.isCleared : nil
    }

    /// What the host port was asked that no correct host asks.
    public var misuses: [HostMisuse] { host.allocations.withLock { $0.misuses } }
}

/// A lock somebody outside the module holds.
struct HeldOutside: Sendable {
    let lock: FakeLock
    let taken: [HeldLocks.Held]
}

extension ModuleState {
    /// The TD with its TDR at an address, without a lock: for whoever knows that nobody else is at work.
    func td(at address: UInt64) -> TDState? {
        guard address & 0xfff == 0, let tdmr = tdmr(containing: address), address < tdmr.usableEnd,
            case .td(let td) = tdmr.entry4K(at: address).contents
        else { return nil }
        return td
    }
}
