internal import GuestImages
internal import HTTPExchange
internal import Threading

/// Takes an image's bytes from a connection and hands them on to the disk.
final class ImageReceiver: BodyReceiver {
    let upload: ImageUpload
    /// Makes the answer to an upload that fails on its way.
    private let refusal: @Sendable (ImageError) -> Response

    init(_ upload: ImageUpload, refusal: @escaping @Sendable (ImageError) -> Response) {
        self.upload = upload
        self.refusal = refusal
    }

    func receive(_ bytes: Span<UInt8>, wake: Wake) -> Reception {
        if let failure = upload.failure { return .refuse(refusal(failure)) }
        // SAFETY: the span's bytes are copied during the call.
        let copy = unsafe bytes.withUnsafeBufferPointer { unsafe [UInt8]($0) }
        return upload.append(copy) { wake() } ? .more : .full
    }

    func end(_ end: StreamEnd) {
        if end == .broken { upload.abort() }
    }
}
