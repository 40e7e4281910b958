internal import Digests
internal import Glibc
internal import Threading

/// What an image's sender says its digest is.
public struct ExpectedDigest: Hashable, Sendable {
    public let algorithm: String
    let kind: DigestAlgorithm
    public let bytes: [UInt8]

    /// - Parameter algorithm: as HTTP calls it: `sha-256`, `sha-384` or `sha-512`. Nil for any other, and for a digest
    ///   of another length.
    public init?(algorithm: String, bytes: [UInt8]) {
        guard let kind = DigestAlgorithm(rawValue: algorithm), kind.digestBytes == bytes.count else { return nil }
        self.algorithm = algorithm
        self.kind = kind
        self.bytes = bytes
    }

    public static func isKnown(_ algorithm: String) -> Bool { DigestAlgorithm(rawValue: algorithm) != nil }
}

/// One image on its way to the disk. Bytes are taken from any thread and written and hashed on another.
public final class ImageUpload: Sendable {
    public typealias Outcome = Result<(image: Image, isNew: Bool), ImageError>

    private struct State {
        var queue: [[UInt8]] = []
        var queuedBytes = 0
        var isScheduled = false
        var roomAgain: (@Sendable () -> Void)?
        var failure: ImageError?
        /// Set once all bytes are here.
        var completion: (@Sendable (Outcome) -> Void)?
        var isKept = true
        var isAborted = false
        var isOver = false
    }

    /// What only the job at work touches; there is one at a time.
    private final class Writing: @unchecked Sendable {
        let path: String
        let file: Descriptor
        let digests: [(stream: DigestStream, expected: [UInt8]?)]
        var writtenBytes: UInt64 = 0
        var reservedBytes: UInt64

        init(path: String, file: Descriptor, expected: [ExpectedDigest], reservedBytes: UInt64) {
            self.path = path
            self.file = file
            self.reservedBytes = reservedBytes
            digests = [(DigestStream(.sha384), nil)] + expected.map { (DigestStream($0.kind), $0.bytes) }
        }
    }

    private let store: ImageStore
    private let lengthBytes: UInt64?
    private let state = Locked(State())
    private let writing: Writing

    /// - Parameters:
    ///   - lengthBytes: nil where it is not known before the end.
    ///   - expected: each is held against what came.
    fileprivate init(_ store: ImageStore, lengthBytes: UInt64?, expected: [ExpectedDigest]) throws(ImageError) {
        let reserved = lengthBytes ?? 0
        try store.reserve(reserved)
        let path = store.nextPartPath()
        do throws(ImageError) {
            let file = try Files.open(path, O_WRONLY | O_CREAT | O_EXCL)
            writing = Writing(path: path, file: file, expected: expected, reservedBytes: reserved)
        } catch {
            store.release(reserved)
            throw error
        }
        self.store = store
        self.lengthBytes = lengthBytes
    }

    /// What has gone wrong so far.
    public var failure: ImageError? { state.withLock { $0.failure } }

    /// Takes bytes.
    ///
    /// - Parameter roomAgain: called once, from another thread, when this has returned false and the next may come.
    /// - Returns: whether the next may come at once.
    public func append(_ bytes: [UInt8], roomAgain: @escaping @Sendable () -> Void) -> Bool {
        let (mayGoOn, starts) = state.withLock { state -> (Bool, Bool) in
            guard state.failure == nil, !state.isAborted else { return (true, false) }
            state.queue.append(bytes)
            state.queuedBytes += bytes.count
            let isFull = state.queuedBytes >= ImageLimits.queuedBytesMax
            if isFull { state.roomAgain = roomAgain }
            return (!isFull, schedule(&state))
        }
        if starts { enqueue() }
        return mayGoOn
    }

    /// All bytes are here: `completion` is told, from another thread, what came of them.
    ///
    /// - Parameter isKept: false only looks at them; the image has revision 0 then.
    public func finish(keeping isKept: Bool = true, _ completion: @escaping @Sendable (Outcome) -> Void) {
        let starts = state.withLock { state in
            state.completion = completion
            state.isKept = isKept
            return schedule(&state)
        }
        if starts { enqueue() }
    }

    /// The rest will not come: nothing is left of it.
    public func abort() {
        let starts = state.withLock { state in
            state.isAborted = true
            return schedule(&state)
        }
        if starts { enqueue() }
    }

    private func schedule(_ state: inout State) -> Bool {
        if state.isScheduled || state.isOver { return false }
        state.isScheduled = true
        return true
    }

    private func enqueue() { store.workers.enqueue { [self] in run() } }

    // MARK: On a worker

    private enum Work {
        case write([[UInt8]], wake: (@Sendable () -> Void)?)
        case end(@Sendable (Outcome) -> Void, ImageError?)
        case drop
        case nothing
    }

    private func run() {
        while true {
            let work = state.withLock { state -> Work in
                if state.isAborted {
                    state.isOver = true
                    return .drop
                }
                if !state.queue.isEmpty {
                    defer {
                        state.queue = []
                        state.queuedBytes = 0
                        state.roomAgain = nil
                    }
                    return .write(state.queue, wake: state.roomAgain)
                }
                if let completion = state.completion {
                    state.isOver = true
                    return .end(completion, state.failure)
                }
                state.isScheduled = false
                return .nothing
            }
            switch work {
            case .nothing: return
            case .drop: return discard()
            case .write(let pieces, let wake):
                write(pieces)
                wake?()
            case .end(let completion, let failure): return end(completion, failure)
            }
        }
    }

    private func write(_ pieces: [[UInt8]]) {
        guard failure == nil else { return }
        do throws(ImageError) {
            for piece in pieces {
                let end = writing.writtenBytes + UInt64(piece.count)
                if end > store.limits.capacityBytes { throw .tooLarge(limitBytes: store.limits.capacityBytes) }
                if end > writing.reservedBytes {
                    // One whose length was said sends no more than that: whoever gave it to us holds it to its word.
                    let room = store.limits.capacityBytes - writing.reservedBytes
                    let more = min(room, max(ImageLimits.reservationBytes, end - writing.reservedBytes))
                    try store.reserve(more)
                    writing.reservedBytes += more
                }
                try Files.write(piece, to: writing.file)
                // SAFETY: bytes have no padding, so all of the span's memory is initialised.
                for (stream, _) in writing.digests { unsafe stream.update(piece.span.bytes) }
                writing.writtenBytes = end
            }
        } catch {
            state.withLock { $0.failure = error }
        }
    }

    private func end(_ completion: @Sendable (Outcome) -> Void, _ failure: ImageError?) {
        do throws(ImageError) {
            if let failure { throw failure }
            if writing.writtenBytes == 0 { throw .empty }
            if let lengthBytes, lengthBytes != writing.writtenBytes { throw .incomplete }
            let digests = writing.digests.map { ($0.stream.algorithm, actual: $0.stream.finish(), $0.expected) }
            for (algorithm, actual, expected) in digests {
                guard let expected, expected != actual else { continue }
                throw .digestMismatch(algorithm: algorithm.rawValue, expected: expected.hex, actual: actual.hex)
            }
            if !state.withLock({ $0.isKept }) {
                discard()
                let now = store.now
                let image = Image(
                    digest: ImageDigest(bytes: digests[0].actual), sizeBytes: writing.writtenBytes, createdAt: now,
                    lastUsedAt: now, check: .passed, revision: 0)
                return completion(.success((image, false)))
            }
            let outcome = try store.adopt(
                writing.path, writing.file, ImageDigest(bytes: digests[0].actual), writing.writtenBytes)
            finishAccounts()
            completion(.success(outcome))
        } catch {
            discard()
            completion(.failure(error))
        }
    }

    private func discard() {
        // A file that cannot be deleted now is swept away at the next start.
        _ = try? Files.remove(writing.path)
        finishAccounts()
    }

    private func finishAccounts() {
        store.release(writing.reservedBytes)
        store.state.withLock { $0.uploads -= 1 }
    }
}

extension ImageStore {
    /// - Throws: `tooManyUploads`, `capacityReached`, or what the disk says.
    public func upload(lengthBytes: UInt64?, expecting expected: [ExpectedDigest]) throws(ImageError) -> ImageUpload {
        deleteExpired()
        let isOne = state.withLock { state in
            guard state.uploads < limits.uploads else { return false }
            state.uploads += 1
            return true
        }
        guard isOne else { throw .tooManyUploads(limit: limits.uploads) }
        do throws(ImageError) {
            return try ImageUpload(self, lengthBytes: lengthBytes, expected: expected)
        } catch {
            state.withLock { $0.uploads -= 1 }
            throw error
        }
    }

    /// Moves a whole file to its place, unless a good one is there already.
    fileprivate func adopt(
        _ path: String, _ file: Descriptor, _ digest: ImageDigest, _ sizeBytes: UInt64
    ) throws(ImageError) -> (image: Image, isNew: Bool) {
        let known = state.withLock { state -> Image? in
            guard var entry = state.entries[digest], entry.image.check == .passed else { return nil }
            entry.image.lastUsedAt = now
            entry.image.revision = touch(&state)
            state.entries[digest] = entry
            return entry.image
        }
        if let known {
            try Files.remove(path)
            return (known, false)
        }
        try Files.makeDurable(file)
        let (identity, _) = try Files.identity(of: file)
        try Files.rename(path, self.path(digest))
        try Files.makeDurable(try Files.open(directory, O_RDONLY | O_DIRECTORY))
        return state.withLock { state in
            let before = state.entries[digest]
            state.storedBytes += sizeBytes - (before?.image.sizeBytes ?? 0)
            let image = Image(
                digest: digest, sizeBytes: sizeBytes, createdAt: identity.modified, lastUsedAt: now, check: .passed,
                revision: touch(&state))
            state.entries[digest] = Entry(image: image, identity: identity, pins: before?.pins ?? 0)
            return (image, before == nil)
        }
    }
}

extension [UInt8] {
    fileprivate var hex: String {
        let digits = Array<UInt8>("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
