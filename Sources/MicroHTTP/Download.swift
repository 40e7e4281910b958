internal import CMicroHTTPD
internal import HTTPExchange
internal import Threading

/// A streamed answer on its way: pulls from the source what the library has room for.
final class Download {
    private let source: any BodySource
    // The request owns the download; the library holds the request for as long as it may call.
    private unowned let request: OngoingRequest
    private var piece: [UInt8] = []
    private var offset = 0
    private var wasPulled = false
    /// The source has said that this is all.
    private var isFinished = false

    init(_ source: any BodySource, for request: OngoingRequest) {
        self.source = source
        self.request = request
    }

    /// Fills `buffer` as far as there is something, and says how far: what the library's content reader returns.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        wasPulled = true
        request.expectsTaking(buffer.count)
        while offset == piece.count {
            if request.connection.turn.withLock({ $0.isCut }) { return microhttpd_end_with_error }
            request.connection.turn.withLock { $0.woken = false }
            switch source.pull(wake: request.wake) {
            case .bytes(let bytes) where !bytes.isEmpty:
                piece = bytes
                offset = 0
            case .bytes, .nothingYet:
                switch request.sleep(for: .download) {
                case .asleep: return 0
                case .stayAwake: break
                case .mustEnd: return microhttpd_end_with_error
                }
            case .end:
                isFinished = true
                return microhttpd_end_of_stream
            case .failed:
                return microhttpd_end_with_error
            }
        }
        let count = min(buffer.count, piece.count - offset)
        // SAFETY: `count` bytes fit the buffer, and are left in the piece.
        unsafe piece.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[offset..<(offset + count)])) }
        offset += count
        return count
    }

    /// - Parameter completely: the library sent all it wanted to send; that is nothing for HEAD.
    func end(completely: Bool) {
        source.end(completely && (isFinished || !wasPulled) ? .complete : .broken)
    }
}
