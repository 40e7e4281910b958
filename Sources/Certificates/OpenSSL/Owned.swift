internal import COpenSSL

/// One libcrypto object and its one owner: freed when this goes.
@safe struct Owned: ~Copyable {
    let pointer: OpaquePointer
    private let free: (OpaquePointer) -> Void

    /// Takes over `pointer`; nil only ever means that memory is exhausted, which nothing here survives.
    init(_ pointer: OpaquePointer?, free: @escaping (OpaquePointer) -> Void) {
        // SAFETY: the caller hands over the only reference it has.
        guard let pointer = unsafe pointer else { preconditionFailure("libcrypto has no memory") }
        unsafe self.pointer = pointer
        unsafe self.free = free
    }

    deinit {
        // SAFETY: not freed before, and nobody else owns it.
        unsafe free(pointer)
    }
}

/// A memory BIO: libcrypto's way to write text and files.
@safe struct MemoryBuffer: ~Copyable {
    private let bio: Owned

    /// For keys: memory that is overwritten before it is given back.
    init(secret: Bool = false) {
        // SAFETY: made here and owned from here.
        unsafe bio = Owned(BIO_new(secret ? BIO_s_secmem() : BIO_s_mem())) { unsafe _ = BIO_free($0) }
    }

    var pointer: OpaquePointer { unsafe bio.pointer }  // SAFETY: handed out for calls that end before the owner does.

    /// What was written so far.
    var bytes: [UInt8] {
        // SAFETY: the span is used before anything is written again.
        unsafe withBytes { unsafe [UInt8]($0) }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the BIO owns the bytes and lives through the call.
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe copenssl_bio_bytes(bio.pointer, &start)
        return try unsafe body(UnsafeRawBufferPointer(start: start, count: max(0, count)))
    }
}
