internal import KernelShim
internal import TDXCalls

/// What a recording names, and what the device gave for it: pages and KeyIDs as they are first named, host memory page by
/// page with what the recording wrote there.
struct ObjectMap {
    private let shim: KernelShim
    private let keyIDShift: UInt8
    private var pages: [UInt64: UInt64] = [:]
    private var recordedPages: [UInt64: UInt64] = [:]
    private var keyIDs: [UInt64: UInt64] = [:]
    private var memories: [UInt64: HostMemory] = [:]
    private var contents: [UInt64: [UInt8]] = [:]

    /// - Parameter keyIDShift: the bit at which KeyIDs begin in the recording's addresses.
    init(_ shim: KernelShim, keyIDShift: UInt8) {
        self.shim = shim
        self.keyIDShift = keyIDShift
    }

    private static let pageBytes: UInt64 = 4096

    /// The device's value for a recorded one.
    mutating func given(_ value: UInt64, _ kind: OperandClass) throws(Obstacle) -> UInt64 {
        switch kind {
        case .value: value
        case .page: try page(value)
        case .taggedPage: try page(value & (1 << UInt64(keyIDShift) - 1))
        case .keyID: try keyID(value)
        case .memory: try memory(value)
        }
    }

    private mutating func page(_ address: UInt64) throws(Obstacle) -> UInt64 {
        if let page = pages[address] { return page }
        guard address % Self.pageBytes == 0, address >> UInt64(keyIDShift) == 0 else {
            throw .cannotBeGiven("an address that is no page's")
        }
        guard contents[address] == nil, memories[address] == nil else {
            throw .cannotBeGiven("host memory that is given to the module")
        }
        let page = try have { () throws(PortError) in try shim.allocatePage().rawValue }
        pages[address] = page
        recordedPages[page] = address
        return page
    }

    private mutating func keyID(_ number: UInt64) throws(Obstacle) -> UInt64 {
        if let keyID = keyIDs[number] { return keyID }
        let keyID = try have { () throws(PortError) in UInt64(try shim.allocateKeyID().rawValue) }
        keyIDs[number] = keyID
        return keyID
    }

    private mutating func memory(_ address: UInt64) throws(Obstacle) -> UInt64 {
        let offset = address % Self.pageBytes
        let start = address - offset
        guard pages[start] == nil else { throw .cannotBeGiven("a page of the module's as host memory") }
        if let memory = memories[start] { return memory.address + offset }
        let memory = try have { () throws(PortError) in try shim.allocateMemory(bytes: Int(Self.pageBytes)) }
        memories[start] = memory
        if let bytes = contents[start] { shim.write(bytes, to: memory, at: 0) }
        return memory.address + offset
    }

    private func have<Given>(_ body: () throws(PortError) -> Given) throws(Obstacle) -> Given {
        do throws(PortError) { return try body() } catch { throw Obstacle(error) }
    }

    mutating func write(_ bytes: [UInt8], at address: UInt64) throws(Obstacle) {
        for (place, byte) in bytes.enumerated() {
            let (target, overflow) = address.addingReportingOverflow(UInt64(place))
            let start = target / Self.pageBytes * Self.pageBytes
            guard !overflow, pages[start] == nil else {
                throw .cannotBeGiven("a write to a page of the module's")
            }
            contents[start, default: [UInt8](repeating: 0, count: Int(Self.pageBytes))][Int(target - start)] = byte
        }
        for (start, memory) in memories {
            if let bytes = contents[start] { shim.write(bytes, to: memory, at: 0) }
        }
    }

    /// The recording's address of a page that the device named; nil if it names none of the recording's.
    func recorded(page: UInt64) -> UInt64? { page == 0 ? 0 : recordedPages[page] }

    /// A field's value, in which the address of a page may be: with the recording's page where the recording has one of
    /// its own and the device has the one that was given for it.
    func recorded(_ value: UInt64, where wanted: UInt64) -> UInt64 {
        let mask = (1 << UInt64(keyIDShift) - 1) & ~(Self.pageBytes - 1)
        guard let page = pages[wanted & mask], value & mask == page else { return value }
        return value & ~mask | wanted & mask
    }

    /// A mapping holds the device open: whoever is done gives the memory back.
    mutating func freeMemory() {
        for memory in memories.values { shim.freeMemory(memory) }
        memories = [:]
    }
}
