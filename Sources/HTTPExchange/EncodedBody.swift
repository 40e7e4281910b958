/// Immutable bytes at one address for as long as anybody holds them: a resource is encoded once per revision
/// and served from here by any number of connections at once, without a copy.
@safe public final class EncodedBody: Sendable {
    // SAFETY of all uses: written in `init` only and given back in `deinit`, hence never written while it is read.
    private nonisolated(unsafe) let storage: UnsafeMutableBufferPointer<UInt8>

    public init(_ bytes: [UInt8]) {
        unsafe storage = .allocate(capacity: bytes.count)
        // SAFETY: as many bytes as were allocated.
        _ = unsafe storage.initialize(fromContentsOf: bytes)
    }

    /// A list from its items' bytes: `opening`, the items with `separator` between them, `closing`.
    public init(opening: [UInt8], items: [EncodedBody], separator: [UInt8], closing: [UInt8]) {
        let separators = separator.count * max(0, items.count - 1)
        let total = opening.count + items.reduce(0) { $0 + $1.count } + separators + closing.count
        let storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: total)
        // SAFETY: the capacity is the sum of what is written below, and each piece begins where the last one ended.
        var end = unsafe storage.initialize(fromContentsOf: opening)
        for (index, item) in items.enumerated() {
            if index > 0 { end = unsafe storage[end...].initialize(fromContentsOf: separator) }
            end = unsafe storage[end...].initialize(fromContentsOf: item.storage)
        }
        _ = unsafe storage[end...].initialize(fromContentsOf: closing)
        unsafe self.storage = storage
    }

    deinit {
        // SAFETY: allocated in `init`; the elements are trivial; the last reference is gone.
        unsafe storage.deallocate()
    }

    /// Bytes.
    public var count: Int { unsafe storage.count }

    public func copied() -> [UInt8] {
        // SAFETY: the storage lives as long as this object.
        unsafe [UInt8](storage)
    }

    /// The bytes where they lie. The pointer is good for as long as this object is held, also after the call,
    /// which is how a C library may send from here.
    @unsafe public var address: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(storage) }
}
