internal import TDXCalls

/// Where the pages and the memory of this session lie, for everybody but the shim, which knows them by handle.
///
/// A page's address is the machine's where the kernel shows it, and otherwise one of our own: unique while the page is
/// there, and the same as long. Host memory always gets one of ours, since its pages need not lie side by side.
struct Addresses: Sendable {
    struct Memory: Sendable {
        let handle: UInt64
        let sizeBytes: Int
        let start: Mapping
    }

    /// Memory that is mapped; whoever holds the table sees to it that it is used while it is.
    @safe struct Mapping: @unchecked Sendable {
        let start: UnsafeMutableRawPointer
    }

    /// The bit at which a KeyID starts in an address.
    let keyIDShift: UInt8
    private(set) var handles: [UInt64: UInt64] = [:]
    private(set) var addresses: [UInt64: UInt64] = [:]
    private(set) var keyIDHandles: [KeyID: UInt64] = [:]
    private(set) var keyIDs: [UInt64: KeyID] = [:]
    private var memories: [Int: Memory] = [:]
    private var freePlaces: [Int] = []

    init(keyIDShift: UInt8) { self.keyIDShift = keyIDShift }

    // MARK: Pages

    /// The upper half of what addresses there are: no machine's memory reaches there.
    private var madeUpBase: UInt64 { 1 << UInt64(keyIDShift - 1) }
    /// The upper half of that is the pages', by slot; the lower half the memory's.
    private var madeUpPages: UInt64 { madeUpBase + madeUpBase / 2 }

    /// Takes a page in.
    ///
    /// - Parameter shown: the physical address as the shim shows it; 0 where it does not.
    /// - Throws: if the handle or the address is there already, or is none.
    mutating func add(page handle: UInt64, shown: UInt64) throws(PortError) -> UInt64 {
        guard handle >> 32 != 0, addresses[handle] == nil, keyIDs[handle] == nil else {
            throw .badAnswer("handle \(handle.hex) of a page")
        }
        let slot = handle & 0xffff_ffff
        let address = shown == 0 ? madeUpPages + slot * UInt64(pageSizeBytes) : shown
        guard address % UInt64(pageSizeBytes) == 0, address >> UInt64(keyIDShift) == 0 else {
            throw .badAnswer("a page at \(address.hex)")
        }
        guard handles[address] == nil else { throw .badAnswer("two pages at \(address.hex)") }
        handles[address] = handle
        addresses[handle] = address
        return address
    }

    mutating func remove(page address: UInt64) {
        if let handle = handles.removeValue(forKey: address) { addresses[handle] = nil }
    }

    /// Without the KeyID.
    func untagged(_ address: UInt64) -> UInt64 { address & (1 << UInt64(keyIDShift) - 1) }

    // MARK: KeyIDs

    mutating func add(keyID handle: UInt64, number: UInt64) throws(PortError) -> KeyID {
        guard handle >> 32 != 0, keyIDs[handle] == nil, addresses[handle] == nil else {
            throw .badAnswer("handle \(handle.hex) of a KeyID")
        }
        guard number != 0, let raw = UInt16(exactly: number) else { throw .badAnswer("KeyID \(number)") }
        let keyID = KeyID(rawValue: raw)
        guard keyIDHandles[keyID] == nil else { throw .badAnswer("KeyID \(number) twice") }
        keyIDHandles[keyID] = handle
        keyIDs[handle] = keyID
        return keyID
    }

    mutating func remove(keyID: KeyID) {
        if let handle = keyIDHandles.removeValue(forKey: keyID) { keyIDs[handle] = nil }
    }

    // MARK: Host memory

    /// The longest piece of memory, and so the distance between two.
    static let memoryBytesMax = 4 << 20
    /// How many pieces there may be at once.
    private static let memoriesMax = 1 << 14

    /// - Returns: its address, or nil if there are too many.
    mutating func add(_ memory: Memory) -> UInt64? {
        let place = freePlaces.popLast() ?? memories.count
        guard place < Self.memoriesMax else { return nil }
        memories[place] = memory
        return madeUpBase + UInt64(place * Self.memoryBytesMax)
    }

    private func place(of address: UInt64) -> Int? {
        guard address >= madeUpBase else { return nil }
        return Int(exactly: (address - madeUpBase) / UInt64(Self.memoryBytesMax))
    }

    /// The memory that `address` lies in, and how far into it.
    func memory(at address: UInt64) -> (memory: Memory, offset: Int)? {
        guard let place = place(of: address), let memory = memories[place] else { return nil }
        let offset = Int((address - madeUpBase) % UInt64(Self.memoryBytesMax))
        return offset < memory.sizeBytes ? (memory, offset) : nil
    }

    mutating func removeMemory(at address: UInt64) -> Memory? {
        guard let place = place(of: address), let memory = memories.removeValue(forKey: place) else { return nil }
        freePlaces.append(place)
        return memory
    }
}

extension UInt64 {
    var hex: String { "0x" + String(self, radix: 16) }
}
