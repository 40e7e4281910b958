internal import Digests
internal import Glibc
internal import Threading

/// Keeps an image from being deleted for as long as it is held.
public final class ImagePin: Sendable {
    private let store: ImageStore
    public let image: Image

    fileprivate init(_ store: ImageStore, _ image: Image) {
        self.store = store
        self.image = image
    }

    deinit {
        store.state.withLock { $0.entries[image.digest]?.pins -= 1 }
    }

    /// - Throws: `damaged` if the file is not the one that was checked.
    public func open() throws(ImageError) -> ImageReader {
        let file = try store.openChecked(image.digest)
        return ImageReader(file)
    }
}

/// Reads an image's bytes. It may travel between threads.
public final class ImageReader: Sendable {
    private let file: Descriptor

    fileprivate init(_ file: Descriptor) { self.file = file }

    /// Fills `bytes` from `offset`, with zeros where the image has ended.
    public func read(at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) throws(ImageError) {
        var filled = 0
        while filled < bytes.count {
            // SAFETY: the rest of the caller's buffer.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[filled...])
            let count = try unsafe Files.read(file, at: offset + UInt64(filled), into: rest)
            if count == 0 {
                unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
                return
            }
            filled += count
        }
    }
}

extension ImageStore {
    /// Pins images for use and sees to it that their files are what they are called.
    ///
    /// - Parameter done: called at once, from this thread, where all have been checked before; else from another.
    public func take(
        _ digests: [ImageDigest], then done: @escaping @Sendable (Result<[ImagePin], ImageError>) -> Void
    ) {
        do throws(ImageError) {
            var pins: [ImagePin] = []
            var areChecked = true
            for digest in digests {
                pins.append(try pin(digest))
                if try !isChecked(digest) { areChecked = false }
            }
            if areChecked { return done(.success(pins)) }
            workers.enqueue { [pins] in
                do throws(ImageError) {
                    for pin in pins {
                        if try !self.isChecked(pin.image.digest) { try self.check(pin.image.digest) }
                    }
                    done(.success(pins))
                } catch {
                    done(.failure(error))
                }
            }
        } catch {
            done(.failure(error))
        }
    }

    private func pin(_ digest: ImageDigest) throws(ImageError) -> ImagePin {
        let now = now
        return try state.withLock { (state) throws(ImageError) in
            guard var entry = state.entries[digest] else { throw .noSuchImage(digest) }
            entry.pins += 1
            entry.image.lastUsedAt = now
            entry.image.revision = touch(&state)
            state.entries[digest] = entry
            return ImagePin(self, entry.image)
        }
    }

    private func file(_ digest: ImageDigest) throws(ImageError) -> (Descriptor, FileIdentity) {
        do throws(ImageError) {
            let file = try Files.open(path(digest), O_RDONLY | O_NONBLOCK)
            return (file, try Files.identity(of: file).0)
        } catch {
            guard case .disk(let reason) = error else { throw error }
            note(digest, failure: reason)
            throw .damaged(digest, reason: reason)
        }
    }

    private func isChecked(_ digest: ImageDigest) throws(ImageError) -> Bool {
        let (file, identity) = try file(digest)
        Files.touch(file, now: now)
        return state.withLock { state in
            guard let entry = state.entries[digest] else { return false }
            return entry.image.check == .passed && entry.identity == identity
        }
    }

    /// The file, if it is the one that was hashed.
    fileprivate func openChecked(_ digest: ImageDigest) throws(ImageError) -> Descriptor {
        let (file, identity) = try file(digest)
        guard state.withLock({ $0.entries[digest]?.identity }) == identity else {
            throw .damaged(digest, reason: "its file has changed since it was checked")
        }
        return file
    }

    private func note(_ digest: ImageDigest, failure: String) {
        state.withLock { state in
            guard state.entries[digest] != nil else { return }
            let revision = touch(&state)
            state.entries[digest]?.image.check = .failed(failure)
            state.entries[digest]?.image.revision = revision
            state.entries[digest]?.identity = nil
        }
    }

    /// Hashes the whole file.
    private func check(_ digest: ImageDigest) throws(ImageError) {
        let (file, identity) = try file(digest)
        let hash = DigestStream(.sha384)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ImageLimits.readBytes, alignment: 16)
        // SAFETY: allocated above and used by this call alone.
        defer { unsafe buffer.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try unsafe Files.read(file, at: offset, into: buffer)
            if count == 0 { break }
            // SAFETY: the call above has written so many bytes.
            unsafe hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
            offset += UInt64(count)
        }
        let actual = ImageDigest(bytes: hash.finish())
        guard actual == digest else {
            let reason = "its \(offset) bytes have the digest \(actual)"
            note(digest, failure: reason)
            throw .damaged(digest, reason: reason)
        }
        state.withLock { state in
            let revision = touch(&state)
            state.entries[digest]?.image.check = .passed
            state.entries[digest]?.image.revision = revision
            state.entries[digest]?.identity = identity
        }
    }
}
