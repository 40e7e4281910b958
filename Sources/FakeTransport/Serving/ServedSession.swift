internal import TDXCalls
internal import Threading

/// What one client has of the module's host, from its first connection to the end of its last.
final class ServedSession: Sendable {
    struct Token: Hashable, Sendable {
        let high: UInt64
        let low: UInt64
    }

    private struct State: Sendable {
        var pages: Set<UInt64> = []
        var keyIDs: Set<UInt16> = []
        /// Sizes by address.
        var memory: [UInt64: Int] = [:]
        var memoryBytes = 0
        /// Requests that are being served.
        var underWay = 0
        var hasEnded = false
    }

    let token: Token
    private let state = Monitor(State())

    /// Host memory that one session may have at once.
    static let memoryBytesMax = 1 << 30

    init(_ token: Token) { self.token = token }

    /// Runs `body` unless the session has ended; the end waits for it.
    ///
    /// - Returns: false if it has ended.
    func serve(_ body: () -> Void) -> Bool {
        let isServed = state.withLock { state in
            if state.hasEnded { return false }
            state.underWay += 1
            return true
        }
        guard isServed else { return false }
        body()
        state.withLock { $0.underWay -= 1 }
        return true
    }

    func note(page: UInt64) { _ = state.withLock { $0.pages.insert(page) } }
    func note(keyID: UInt16) { _ = state.withLock { $0.keyIDs.insert(keyID) } }
    func has(page: UInt64) -> Bool { state.withLock { $0.pages.contains(page) } }
    /// Whether it was there to be taken.
    func take(page: UInt64) -> Bool { state.withLock { $0.pages.remove(page) != nil } }
    func take(keyID: UInt16) -> Bool { state.withLock { $0.keyIDs.remove(keyID) != nil } }

    /// Whether there may be so much more memory; if so it is counted.
    func reserve(bytes: Int) -> Bool {
        state.withLock { state in
            guard bytes <= Self.memoryBytesMax - state.memoryBytes else { return false }
            state.memoryBytes += bytes
            return true
        }
    }

    func unreserve(bytes: Int) { state.withLock { $0.memoryBytes -= bytes } }
    func note(_ memory: HostMemory) { state.withLock { $0.memory[memory.address] = memory.sizeBytes } }

    func memory(at address: UInt64) -> HostMemory? {
        state.withLock { state in
            state.memory[address].map { HostMemory(address: address, sizeBytes: $0) }
        }
    }

    func takeMemory(at address: UInt64) -> HostMemory? {
        state.withLock { state in
            state.memory.removeValue(forKey: address).map { HostMemory(address: address, sizeBytes: $0) }
        }
    }

    /// What a session leaves behind.
    struct Estate: Sendable {
        var pages: [UInt64] = []
        var keyIDs: [UInt16] = []
        var memory: [HostMemory] = []

        var isEmpty: Bool { pages.isEmpty && keyIDs.isEmpty && memory.isEmpty }
    }

    /// Takes over what another has left.
    func inherit(_ estate: Estate) {
        state.withLock { state in
            state.pages.formUnion(estate.pages)
            state.keyIDs.formUnion(estate.keyIDs)
        }
    }

    /// The next of what it has, as many as fit a list.
    func pages(after last: UInt64) -> [UInt64] {
        state.withLock { Array($0.pages.filter { $0 > last }.sorted().prefix(HeldObject.listMax)) }
    }

    func keyIDs(after last: UInt64) -> [UInt16] {
        state.withLock { Array($0.keyIDs.filter { UInt64($0) > last }.sorted().prefix(HeldObject.listMax)) }
    }

    /// Ends it when what is under way is done. Ending twice leaves nothing the second time.
    func end() -> Estate {
        state.withLock { $0.hasEnded = true }
        return state.wait { state -> Estate? in
            guard state.underWay == 0 else { return nil }
            defer {
                state.pages = []
                state.keyIDs = []
                state.memory = [:]
            }
            return Estate(
                pages: state.pages.sorted(), keyIDs: state.keyIDs.sorted(),
                memory: state.memory.map { HostMemory(address: $0.key, sizeBytes: $0.value) })
        } ?? Estate()
    }
}
