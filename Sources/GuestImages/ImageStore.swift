internal import Digests
internal import Glibc
internal import Synchronization
internal import Threading

/// Guest images on disk, each once, under a cap, named by the SHA-384 of their bytes.
///
/// A file is there whole or not at all: it is written beside its place under a name that a start sweeps away, and moved
/// there once it is durable. What a file holds is believed while the file is the one that was hashed; one found at a
/// start is hashed before its first use.
public final class ImageStore: Sendable {
    struct Entry: Sendable {
        var image: Image
        /// Of the file that was hashed; nil before.
        var identity: FileIdentity?
        var pins = 0
    }

    struct State: Sendable {
        var entries: [ImageDigest: Entry] = [:]
        var storedBytes: UInt64 = 0
        /// Of uploads that have not ended.
        var reservedBytes: UInt64 = 0
        var uploads = 0
        var revision: UInt64
    }

    public let directory: String
    public let limits: ImageLimits
    let workers: Workers
    let state: Locked<State>
    private let lock: Descriptor
    private let clock: @Sendable () -> UInt64
    private let named = Locked<@Sendable () -> Set<ImageDigest>>({ [] })
    private let lastUpload = Atomic<UInt64>(0)

    /// Threads that write and hash: more than one, so that a slow check holds up no upload.
    private static let threadsMax = 2

    /// Opens or makes the directory, takes it for this process alone, and deletes what interrupted uploads have left.
    ///
    public convenience init(directory: String, limits: ImageLimits = ImageLimits()) throws(ImageError) {
        try self.init(directory: directory, limits: limits, clock: wallClockNanoseconds)
    }

    /// - Parameter clock: nanoseconds since 1970.
    public init(
        directory: String, limits: ImageLimits, clock: @escaping @Sendable () -> UInt64
    ) throws(ImageError) {
        try Files.makePrivateFolder(directory)
        self.directory = directory
        self.limits = limits
        self.clock = clock
        lock = try Files.lock(directory)
        workers = Workers(threadsMax: Self.threadsMax)
        var state = State(revision: clock() / 1_000_000)
        for name in try Files.names(in: directory) {
            let path = directory + "/" + name
            if name.hasSuffix(Self.partSuffix) {
                try Files.remove(path)
            } else if name.hasSuffix(Self.imageSuffix),
                let digest = ImageDigest(hex: name.dropLast(Self.imageSuffix.count))
            {
                let (identity, used) = try Files.identity(of: try Files.open(path, O_RDONLY | O_NONBLOCK))
                let image = Image(
                    digest: digest, sizeBytes: identity.sizeBytes, createdAt: identity.modified,
                    lastUsedAt: max(used, identity.modified), check: .pending, revision: state.revision)
                state.entries[digest] = Entry(image: image)
                state.storedBytes += identity.sizeBytes
            }
        }
        self.state = Locked(state)
    }

    /// Deletes all images and the directory. To be called when nobody uses it any more.
    public func deleteDirectory() {
        // What cannot be deleted stays; there is nobody left who could do anything about it.
        for name in (try? Files.names(in: directory)) ?? [] { _ = try? Files.remove(directory + "/" + name) }
        Files.removeFolder(directory)
    }

    static let imageSuffix = ".image"
    static let partSuffix = ".part"

    /// Waits for what is being written and writes no more.
    public func stop() { workers.stop() }

    /// Who is asked which images are in use beside those that are being read; asked before anything is evicted.
    public func keepNamed(by named: @escaping @Sendable () -> Set<ImageDigest>) {
        self.named.withLock { $0 = named }
    }

    // MARK: Reading

    /// Images in order of their digests.
    public var images: (rows: [Image], revision: UInt64) {
        state.withLock { state in
            (state.entries.values.map(\.image).sorted { $0.digest < $1.digest }, state.revision)
        }
    }

    public func image(_ digest: ImageDigest) throws(ImageError) -> Image {
        guard let entry = state.withLock({ $0.entries[digest] }) else { throw .noSuchImage(digest) }
        return entry.image
    }

    /// Bytes: of what is stored, of uploads under way, and the cap.
    public var usage: (stored: UInt64, uploading: UInt64, capacity: UInt64, images: Int) {
        state.withLock { ($0.storedBytes, $0.reservedBytes, limits.capacityBytes, $0.entries.count) }
    }

    func path(_ digest: ImageDigest) -> String { directory + "/" + digest.hex + Self.imageSuffix }

    var now: UInt64 { clock() }

    // MARK: Deleting

    /// - Throws: `inUse` while it is read or about to be; whether a TD names it is for the caller to know.
    public func delete(_ digest: ImageDigest) throws(ImageError) {
        try state.withLock { (state) throws(ImageError) in try remove(digest, &state) }
    }

    /// Deletes what nobody has used for longer than the retention time.
    ///
    /// - Returns: what was deleted.
    @discardableResult
    public func deleteExpired() -> [ImageDigest] {
        guard let retention = limits.retention else { return [] }
        let now = clock()
        let age = retention.nanoseconds
        let expired = state.withLock { state in
            state.entries.values.filter { $0.pins == 0 && now - min(now, $0.image.lastUsedAt) > age }
                .map(\.image.digest)
        }
        guard !expired.isEmpty else { return [] }
        let named = named.withLock { $0 }()
        // One that is taken into use meanwhile refuses, and stays.
        return expired.filter { !named.contains($0) && (try? delete($0)) != nil }
    }

    private func remove(_ digest: ImageDigest, _ state: inout State) throws(ImageError) {
        guard let entry = state.entries[digest] else { throw .noSuchImage(digest) }
        guard entry.pins == 0 else { throw .inUse(digest) }
        try Files.remove(path(digest))
        forget(digest, &state)
    }

    func forget(_ digest: ImageDigest, _ state: inout State) {
        guard let entry = state.entries.removeValue(forKey: digest) else { return }
        state.storedBytes -= entry.image.sizeBytes
        touch(&state)
    }

    /// Counts a change.
    @discardableResult
    func touch(_ state: inout State) -> UInt64 {
        state.revision = max(state.revision + 1, clock() / 1_000_000)
        return state.revision
    }

    // MARK: Room

    /// Sets room aside for an upload, and evicts for it what has not been used for longest.
    func reserve(_ bytes: UInt64) throws(ImageError) {
        guard bytes <= limits.capacityBytes else { throw .tooLarge(limitBytes: limits.capacityBytes) }
        if state.withLock({ takeRoom(bytes, &$0) }) { return }
        let named = named.withLock { $0 }()
        try state.withLock { (state) throws(ImageError) in
            let victims = state.entries.values.filter { $0.pins == 0 && !named.contains($0.image.digest) }
                .sorted { $0.image.lastUsedAt < $1.image.lastUsedAt }
            let spare = victims.reduce(0) { $0 + $1.image.sizeBytes }
            let used = state.storedBytes + state.reservedBytes
            // Nothing is evicted in vain.
            guard used - spare <= limits.capacityBytes - bytes else {
                throw .capacityReached(
                    limitBytes: limits.capacityBytes, usedBytes: used, requestedBytes: bytes)
            }
            for victim in victims where !hasRoom(bytes, state) {
                try remove(victim.image.digest, &state)
            }
            _ = takeRoom(bytes, &state)
        }
    }

    private func hasRoom(_ bytes: UInt64, _ state: State) -> Bool {
        let used = state.storedBytes + state.reservedBytes
        return used <= limits.capacityBytes && bytes <= limits.capacityBytes - used
    }

    private func takeRoom(_ bytes: UInt64, _ state: inout State) -> Bool {
        guard hasRoom(bytes, state) else { return false }
        state.reservedBytes += bytes
        return true
    }

    func release(_ bytes: UInt64) { state.withLock { $0.reservedBytes -= bytes } }

    /// A name for an upload's file that no other has.
    func nextPartPath() -> String {
        let number = lastUpload.wrappingAdd(1, ordering: .relaxed).newValue
        return "\(directory)/\(number)\(Self.partSuffix)"
    }
}
