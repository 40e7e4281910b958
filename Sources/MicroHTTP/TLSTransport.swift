internal import CMicroHTTPD
internal import Glibc

/// Carries one TLS session's records over its socket, in fewer system calls than GnuTLS and libmicrohttpd make between
/// them: a record arrives with one call instead of one for its header and one for the rest, and the record with an
/// answer's head leaves together with the one of its body.
///
/// Touched on the connection's own thread only, by GnuTLS and before an answer is queued.
@safe final class TLSTransport: @unchecked Sendable {
    /// Bytes that are taken from the socket beyond those asked for; small enough for the stack.
    private static let bytesAhead = 1_024
    /// A record that is larger than this is not held back.
    private static let heldBytesMax = 4_096

    private let descriptor: Int32
    /// Has arrived and was not asked for yet, but for the first `takenBytes`.
    private var ahead: [UInt8] = []
    private var takenBytes = 0
    /// Is to leave with the next record.
    private var held: [UInt8] = []
    private var holdsNext = false

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Makes a session that has not begun its handshake use this; it must not outlive it.
    func carry(_ session: gnutls_session_t) {
        // SAFETY: the session ends before its connection, which holds this object, is given up.
        unsafe gnutls_transport_set_ptr(session, Unmanaged.passUnretained(self).toOpaque())
        unsafe gnutls_transport_set_pull_function(session, pullBytes)
        unsafe gnutls_transport_set_vec_push_function(session, pushBytes)
    }

    /// The next record is certain to be followed by another, so that it may wait for it.
    func holdNext() { holdsNext = true }

    /// As recv(2): so many bytes, none at the end of the stream, or -1 with `errno`.
    fileprivate func pull(_ wanted: UnsafeMutableRawBufferPointer) -> Int {
        if takenBytes < ahead.count {
            let count = min(wanted.count, ahead.count - takenBytes)
            // SAFETY: both places have that many bytes.
            unsafe ahead.withUnsafeBytes {
                unsafe wanted.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[takenBytes..<takenBytes + count]))
            }
            takenBytes += count
            if takenBytes == ahead.count { forgetTaken() }
            return count
        }
        // SAFETY: as many bytes as the buffer has.
        guard wanted.count < Self.bytesAhead else {
            return unsafe recv(descriptor, wanted.baseAddress, wanted.count, 0)
        }
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.bytesAhead, alignment: 1) { buffer in
            // SAFETY: as above; no more is copied than has come, and than was asked for.
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return count }
            let given = min(count, wanted.count)
            unsafe wanted.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<given]))
            unsafe ahead.append(contentsOf: buffer[given..<count])
            return given
        }
    }

    /// The room for a request that came ahead is kept for the next one.
    private func forgetTaken() {
        ahead.removeAll(keepingCapacity: true)
        takenBytes = 0
    }

    /// As writev(2): how many of these bytes have left or are held, or -1 with `errno`.
    fileprivate func push(_ pieces: UnsafeBufferPointer<iovec>) -> Int {
        if held.isEmpty {
            guard holdsNext else { return unsafe send(pieces) }
            holdsNext = false
            let count = unsafe pieces.reduce(0) { unsafe $0 + $1.iov_len }
            guard count <= Self.heldBytesMax else { return unsafe send(pieces) }
            for index in pieces.indices {
                // SAFETY: GnuTLS vouches for its pieces during the call.
                unsafe held.append(
                    contentsOf: UnsafeRawBufferPointer(start: pieces[index].iov_base, count: pieces[index].iov_len))
            }
            return count
        }
        let sent = unsafe sendHeld(before: pieces)
        guard sent >= 0 else { return sent }
        if sent < held.count {
            held.removeFirst(sent)
        } else {
            let rest = sent - held.count
            held.removeAll(keepingCapacity: true)
            if rest > 0 { return rest }
        }
        // None of these bytes has left; they are offered again once the socket takes more.
        errno = EAGAIN
        return -1
    }

    private func sendHeld(before pieces: UnsafeBufferPointer<iovec>) -> Int {
        unsafe held.withUnsafeMutableBytes { held in
            unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: pieces.count + 1) { all in
                // SAFETY: room for one more than there are; all of it is initialised, and trivial.
                unsafe all.initializeElement(at: 0, to: iovec(iov_base: held.baseAddress, iov_len: held.count))
                for index in pieces.indices { unsafe all.initializeElement(at: index + 1, to: pieces[index]) }
                return unsafe send(UnsafeBufferPointer(all))
            }
        }
    }

    private func send(_ pieces: UnsafeBufferPointer<iovec>) -> Int {
        var message = unsafe msghdr()
        unsafe message.msg_iov = UnsafeMutablePointer(mutating: pieces.baseAddress)
        unsafe message.msg_iovlen = pieces.count
        // SAFETY: the pieces are read during the call.
        return unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
    }
}

private func pullBytes(
    _ context: gnutls_transport_ptr_t?, _ bytes: UnsafeMutableRawPointer?, _ count: Int
) -> Int {
    guard let context = unsafe context else { return 0 }
    // SAFETY: set together with this function; as many bytes may be written as said.
    let transport = unsafe Unmanaged<TLSTransport>.fromOpaque(context).takeUnretainedValue()
    return unsafe transport.pull(UnsafeMutableRawBufferPointer(start: bytes, count: count))
}

private func pushBytes(_ context: gnutls_transport_ptr_t?, _ pieces: UnsafePointer<giovec_t>?, _ count: Int32) -> Int {
    guard let context = unsafe context else { return 0 }
    // SAFETY: set together with this function; so many pieces are there during the call.
    let transport = unsafe Unmanaged<TLSTransport>.fromOpaque(context).takeUnretainedValue()
    return unsafe transport.push(UnsafeBufferPointer(start: pieces, count: Int(count)))
}
