internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange

/// The library's object for the representation that a connection showed last, kept because a client often asks for the
/// same again: with it, an answer costs the bytes of its request id and not an object with all of its fields.
///
/// Touched on the connection's own thread only, in callbacks that ask for an answer: the library has let go of the last
/// one by then, so that nobody reads the object while its field is exchanged.
@safe final class KeptAnswer: @unchecked Sendable {
    // SAFETY of all uses: a reference to the library's object, given back when another takes its place or in `deinit`.
    private var object: OpaquePointer?
    private var shown: Representation?
    /// Where the object has its request id: a copy that the library made for it, followed by a NUL.
    private var requestID: UnsafeMutableRawBufferPointer?

    deinit {
        if let object = unsafe object { unsafe MHD_destroy_response(object) }
    }

    /// The object that shows this with this request id; it stays ours. Nil when the library has no memory.
    func object(showing representation: Representation, requestID id: String) -> OpaquePointer? {
        if shown === representation, writeRequestID(id) { return unsafe object }
        guard let fresh = unsafe Sending.object(sharing: representation.body) else { return nil }
        if let object = unsafe object { unsafe MHD_destroy_response(object) }
        unsafe object = fresh
        shown = representation
        let isComplete = unsafe Sending.add(representation.fields, to: fresh)
        guard unsafe Sending.add(Sending.requestIDName, id, to: fresh) && isComplete else { return nil }
        unsafe requestID = Self.value(of: Sending.requestIDName, in: fresh)
        return unsafe fresh
    }

    /// Taking the field out and adding another would cost three allocations and a walk through all fields.
    private func writeRequestID(_ id: String) -> Bool {
        guard let place = unsafe requestID, id.utf8.count == place.count else { return false }
        var id = id
        // SAFETY: as many bytes are there as the id has; the object is on no answer that is still being sent.
        id.withUTF8 { unsafe place.copyMemory(from: UnsafeRawBufferPointer($0)) }
        return true
    }

    private static func value(of name: String, in object: OpaquePointer) -> UnsafeMutableRawBufferPointer? {
        unsafe name.withCString { name in
            // SAFETY: the object's own copy of a C string, which stays where it is as long as the field is there.
            guard let value = unsafe MHD_get_response_header(object, name) else { return nil }
            return unsafe UnsafeMutableRawBufferPointer(
                start: UnsafeMutablePointer(mutating: value), count: strlen(value))
        }
    }
}
