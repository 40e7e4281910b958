/// What a request is for. Unknown values survive, so that they can be refused.
public struct MessageKind: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    // Those of the shim's up-call device, by its header.

    /// A SEAMCALL with the six registers that the shim carries; the payload is the host memory that it names.
    public static let call = MessageKind(rawValue: 1)
    /// Notices of what the host did, by address or KeyID; they have no reply.
    public static let pageAllocated = MessageKind(rawValue: 2)
    public static let pageCleared = MessageKind(rawValue: 3)
    public static let pageFreed = MessageKind(rawValue: 4)
    public static let keyIDAllocated = MessageKind(rawValue: 5)
    public static let keyIDFreed = MessageKind(rawValue: 6)

    // Those of the socket, where the module's process is the host as well.

    /// First on each connection. In: protocol version, session (two words), ``HelloRole``. Out: ``ServedDescription``.
    static let hello = MessageKind(rawValue: 0x100)
    /// A SEAMCALL with the whole register file: those that the shim does not carry are the payload, both ways.
    static let callAll = MessageKind(rawValue: 0x101)
    /// Out: address.
    static let allocatePage = MessageKind(rawValue: 0x102)
    /// In: address.
    static let flushPage = MessageKind(rawValue: 0x103)
    static let clearPage = MessageKind(rawValue: 0x104)
    static let freePage = MessageKind(rawValue: 0x105)
    /// Out: number.
    static let allocateKeyID = MessageKind(rawValue: 0x106)
    /// In: number.
    static let freeKeyID = MessageKind(rawValue: 0x107)
    /// In: bytes. Out: address, bytes.
    static let allocateMemory = MessageKind(rawValue: 0x108)
    /// In: address, offset, payload.
    static let writeMemory = MessageKind(rawValue: 0x109)
    /// In: address, offset, count. Out: payload.
    static let readMemory = MessageKind(rawValue: 0x10a)
    /// In: address.
    static let freeMemory = MessageKind(rawValue: 0x10b)
    /// Takes over what a session left whose client is gone. In: its two words. Out: ``AdoptionAnswer``.
    static let adopt = MessageKind(rawValue: 0x10c)
    /// In: ``HeldObject``s at addresses above this one. Out: how many are in the payload; none is the end.
    static let listPages = MessageKind(rawValue: 0x10d)
    /// The same by number.
    static let listKeyIDs = MessageKind(rawValue: 0x10e)
    /// What a recording arranges around its calls: payload both ways, in words that only the two ends know.
    static let arrange = MessageKind(rawValue: 0x10f)
}
