internal import CMicroHTTPD
internal import HTTPExchange

/// The library's object for the representation that a connection showed last, kept because a client often asks for the
/// same again: with it, an answer costs one field and not an object with all of its fields.
///
/// Touched on the connection's own thread only, in callbacks that ask for an answer: the library has let go of the last
/// one by then, so that nobody reads the object while its field is exchanged.
@safe final class KeptAnswer: @unchecked Sendable {
    // SAFETY of all uses: a reference to the library's object, given back when another takes its place or in `deinit`.
    private var object: OpaquePointer?
    private var shown: Representation?
    private var requestID = ""

    deinit {
        if let object = unsafe object { unsafe MHD_destroy_response(object) }
    }

    /// The object that shows this with this request id; it stays ours. Nil when the library has no memory.
    func object(showing representation: Representation, requestID id: String) -> OpaquePointer? {
        if shown === representation, let object = unsafe object, unsafe exchange(id, in: object) {
            return unsafe object
        }
        guard let fresh = unsafe Sending.object(sharing: representation.body) else { return nil }
        if let object = unsafe object { unsafe MHD_destroy_response(object) }
        unsafe object = fresh
        shown = representation
        requestID = id
        let isComplete = unsafe Sending.add(representation.fields, to: fresh)
        return unsafe Sending.add(Sending.requestIDName, id, to: fresh) && isComplete ? fresh : nil
    }

    private func exchange(_ id: String, in object: OpaquePointer) -> Bool {
        // SAFETY: both end with a NUL, and are only compared with.
        let isGone = unsafe Sending.requestIDName.withCString { name in
            unsafe requestID.withCString { old in unsafe MHD_del_response_header(object, name, old) == .YES }
        }
        requestID = id
        return unsafe isGone && Sending.add(Sending.requestIDName, id, to: object)
    }
}
