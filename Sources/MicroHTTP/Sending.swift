internal import CMicroHTTPD
internal import HTTPExchange
internal import HTTPTypes
internal import Logging

/// Turns a `Response` into the library's, and queues it.
enum Sending {
    /// - Returns: what the handler is to return; NO closes the connection without an answer.
    static func send(
        _ response: Response, closing: Bool, for request: OngoingRequest, on connection: OpaquePointer
    ) -> MHD_Result {
        let code = response.status.code
        if !closing, code == 200 || code == 304, case .representation(let shown) = response.body,
            response.fields.isEmpty, let id = response.requestID
        {
            guard let object = unsafe request.connection.kept.object(showing: shown, requestID: id) else { return .NO }
            request.expectsTaking(shown.body.count)
            if code == 200 { request.expectsBody(of: shown.body.count) }
            return unsafe MHD_queue_response(connection, UInt32(code), object)
        }
        guard (200...999).contains(code), let object = unsafe object(for: response.body, of: request) else {
            request.abandon(response)
            return .NO
        }
        // SAFETY: the library keeps a reference of its own for as long as it sends.
        defer { unsafe MHD_destroy_response(object) }
        var isComplete = unsafe add(response.fields, to: object)
        if case .representation(let shown) = response.body, unsafe !add(shown.fields, to: object) { isComplete = false }
        if let id = response.requestID, unsafe !add(requestIDName, id, to: object) { isComplete = false }
        if !isComplete { request.server.logger.error("A field could not be sent") }
        request.expectsTaking(response.body.count)
        if code != 204, code != 304 { request.expectsBody(of: response.body.count) }
        if closing { _ = unsafe add("Connection", "close", to: object) }
        return unsafe MHD_queue_response(connection, UInt32(code), object)
    }

    static let requestIDName = Response.requestIDName.rawName

    /// False when some could not be added.
    static func add(_ fields: HTTPFields, to object: OpaquePointer) -> Bool {
        // SAFETY: the object is the caller's.
        var isComplete = true
        for field in fields where !isOurs(field.name) {
            if unsafe !add(field.name.rawName, field.value, to: object) { isComplete = false }
        }
        return isComplete
    }

    static func add(_ name: String, _ value: String, to object: OpaquePointer) -> Bool {
        unsafe name.withCString { name in
            unsafe value.withCString { value in
                // SAFETY: both end with a NUL and are copied by the call.
                unsafe MHD_add_response_header(object, name, value) == .YES
            }
        }
    }

    /// Fields that describe the connection or the message as it is sent, which is the library's to know.
    private static func isOurs(_ name: HTTPField.Name) -> Bool {
        let name = name.canonicalName
        // Comparing lengths first spares most fields four comparisons.
        return switch name.utf8.count {
        case 4: name == "date"
        case 10: name == "connection"
        case 14: name == "content-length"
        case 17: name == "transfer-encoding"
        default: false
        }
    }

    private static func object(for body: Response.Body, of request: OngoingRequest) -> OpaquePointer? {
        switch body {
        case .none:
            return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case .bytes(let bytes):
            return unsafe bytes.withUnsafeBytes { bytes in
                // SAFETY: the library copies the bytes before it returns, and does not write to them.
                unsafe MHD_create_response_from_buffer(
                    bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .shared(let body):
            return unsafe object(sharing: body)
        case .representation(let shown):
            return unsafe object(sharing: shown.body)
        case .stream(let source):
            request.attach(source)
            // SAFETY: the reference taken here is given back by `releaseRequest`.
            return unsafe microhttpd_streamed_response(
                Limits.streamBlockBytes, fillFromSource, Unmanaged.passRetained(request).toOpaque(), releaseRequest)
        }
    }

    static func object(sharing body: EncodedBody) -> OpaquePointer? {
        let address = unsafe body.address
        // SAFETY: the reference taken here keeps the bytes where they are until the library lets go of them.
        return unsafe MHD_create_response_from_buffer_with_free_callback_cls(
            address.count, UnsafeMutableRawPointer(mutating: address.baseAddress), releaseBody,
            Unmanaged.passRetained(body).toOpaque())
    }
}

extension Response.Body {
    /// Bytes, as far as they are known beforehand.
    fileprivate var count: Int {
        switch self {
        case .none, .stream: 0
        case .bytes(let bytes): bytes.count
        case .shared(let body): body.count
        case .representation(let shown): shown.body.count
        }
    }
}

private func releaseBody(_ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    // SAFETY: balances the reference taken when the response was made.
    unsafe Unmanaged<EncodedBody>.fromOpaque(context).release()
}

private func releaseRequest(_ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    // SAFETY: balances the reference taken when the response was made.
    unsafe Unmanaged<OngoingRequest>.fromOpaque(context).release()
}

private func fillFromSource(
    _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int
) -> Int {
    guard let context = unsafe context else { return microhttpd_end_with_error }
    // SAFETY: the response holds the request until it is freed; the buffer is as large as the library says.
    let request = unsafe Unmanaged<OngoingRequest>.fromOpaque(context).takeUnretainedValue()
    return unsafe request.download?.fill(UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
        ?? microhttpd_end_with_error
}
