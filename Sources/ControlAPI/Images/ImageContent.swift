internal import GuestImages
internal import TDLifecycle
internal import Threading

/// An image on disk, as the engine reads it. The image stays for as long as this is held.
final class ImageContent: MemoryContent {
    let name: String?
    let sizeBytes: UInt64
    private let pin: ImagePin
    /// Open between a first read and the end. Several may read: whoever comes after another's end opens it anew.
    private let reader = Locked<ImageReader?>(nil)

    init(_ pin: ImagePin) {
        self.pin = pin
        name = pin.image.digest.description
        sizeBytes = pin.image.sizeBytes
    }

    func read(
        at offset: UInt64, into bytes: inout MutableRawSpan, wake: @escaping @Sendable () -> Void
    ) -> ContentSupply {
        let count = Int(min(UInt64(bytes.byteCount), sizeBytes - min(offset, sizeBytes)))
        do throws(ImageError) {
            let reader = try opened()
            // SAFETY: the span's bytes are written during the call, and no more of them than there are.
            try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(ImageError) in
                try unsafe reader.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            }
            return .filled(count)
        } catch {
            return .failed(ControlAPI.text(of: error))
        }
    }

    func end(_ complete: Bool) { reader.withLock { $0 = nil } }

    private func opened() throws(ImageError) -> ImageReader {
        try reader.withLock { (reader) throws(ImageError) in
            if let reader { return reader }
            let opened = try pin.open()
            reader = opened
            return opened
        }
    }
}
