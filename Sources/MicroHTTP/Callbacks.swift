internal import CMicroHTTPD
internal import Glibc
internal import HTTPExchange

// The library's callbacks. They stand at file level so that no actor is ever asked: the library calls from threads of
// its own.

/// A connection begins or is over.
func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ socketContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
    guard let context = unsafe context, let handle = unsafe handle, let socketContext = unsafe socketContext else {
        return
    }
    switch code {
    case .CONNECTION_NOTIFY_STARTED:
        // SAFETY: the server outlives its daemon.
        let server = unsafe Unmanaged<Server>.fromOpaque(context).takeUnretainedValue()
        let descriptor = unsafe microhttpd_descriptor(handle)
        let peer = server.peer(of: descriptor)
        let seat = unsafe Seat(handle: handle)
        let proof = server.door.map { ClientProof($0) }
        let transport = proof.map { _ in TLSTransport(descriptor) }
        let isReady = unsafe prepare(handle, proof, transport)
        let connection = Connection(
            peer: isReady ? peer : nil, proof: proof, transport: transport, descriptor: descriptor, server: server,
            seat: seat)
        // SAFETY: given back when the connection is over.
        unsafe socketContext.pointee = Unmanaged.passRetained(connection).toOpaque()
        server.welcome(connection)
    default:
        guard let pointer = unsafe socketContext.pointee else { return }
        unsafe socketContext.pointee = nil
        // SAFETY: balances the reference taken when the connection began.
        let connection = unsafe Unmanaged<Connection>.fromOpaque(pointer).takeRetainedValue()
        connection.server.connections.remove(connection)
    }
}

private func prepare(_ handle: OpaquePointer, _ proof: ClientProof?, _ transport: TLSTransport?) -> Bool {
    guard let proof, let transport else { return true }
    // SAFETY: the connection begins, and its session with it.
    guard let session = unsafe microhttpd_session(handle) else { return false }
    unsafe transport.carry(session)
    return unsafe proof.context.prepare(session)
}

/// A request line has arrived: the raw target, before the library decodes it in place.
func targetArrived(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ handle: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let handle = unsafe handle, let pointer = unsafe microhttpd_connection_context(handle) else { return nil }
    // SAFETY: the connection's reference is held until it is over; the target is a C string for this call.
    let connection = unsafe Unmanaged<Connection>.fromOpaque(pointer).takeUnretainedValue()
    let bytes = unsafe UnsafeRawBufferPointer(start: target, count: target.map { unsafe strlen($0) } ?? 0)
    // SAFETY: given back when the request is over.
    return unsafe Unmanaged.passRetained(
        OngoingRequest(
            on: connection, target: connection.memory.hasTarget(bytes) ? nil : ReceivedTarget(bytes))
    ).toOpaque()
}

/// A request's head, a piece of its body, or its end.
func requestAdvanced(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ body: UnsafePointer<CChar>?,
    _ bodyCount: UnsafeMutablePointer<Int>?, _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let handle = unsafe handle, let bodyCount = unsafe bodyCount, let pointer = unsafe requestContext?.pointee
    else { return .NO }
    // SAFETY: `targetArrived` left a reference here, which is given back when the request is over.
    let request = unsafe Unmanaged<OngoingRequest>.fromOpaque(pointer).takeUnretainedValue()
    let next: OngoingRequest.Next
    if !request.hasBegun {
        next = unsafe request.begin(
            HeadReader.read(
                handle, of: request.connection, target: request.target, url: url, method: method, version: version))
    } else if let body = unsafe body, unsafe bodyCount.pointee > 0 {
        // SAFETY: so many bytes lie there until the handler returns; CChar and UInt8 have one layout.
        let bytes = unsafe UnsafeRawBufferPointer(start: body, count: bodyCount.pointee)
        next = unsafe request.take(bytes.assumingMemoryBound(to: UInt8.self))
    } else {
        next = request.finishReading()
    }
    switch next {
    case .goOn:
        unsafe bodyCount.pointee = 0
        return .YES
    case .offerAgain:
        return .YES
    case .close:
        return .NO
    case .send(let response, let closing):
        return unsafe Sending.send(
            response, closing: closing || request.connection.server.isDraining, for: request, on: handle)
    }
}

/// A request is over, well or badly.
func requestEnded(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
    guard let requestContext = unsafe requestContext, let pointer = unsafe requestContext.pointee else { return }
    unsafe requestContext.pointee = nil
    // SAFETY: balances the reference `targetArrived` took.
    let request = unsafe Unmanaged<OngoingRequest>.fromOpaque(pointer).takeRetainedValue()
    request.end(completely: code == .REQUEST_TERMINATED_COMPLETED_OK)
}

/// The library has something to say.
func troubleLogged(_ context: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?) {
    guard let context = unsafe context, let format = unsafe format, let arguments = unsafe arguments else { return }
    // SAFETY: the server outlives its daemon; the buffer is as large as vsnprintf is told, and ends with a NUL.
    let server = unsafe Unmanaged<Server>.fromOpaque(context).takeUnretainedValue()
    let text = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer -> String in
        guard let start = buffer.baseAddress, unsafe vsnprintf(start, buffer.count, format, arguments) >= 0 else {
            return ""
        }
        return unsafe String(cString: start)
    }
    server.troubleLog.note(text)
}
