import Digests
import Glibc
import GuestImages
import Testing
import Threading

/// A directory of its own for each test, deleted with it.
final class Place {
    let path: String
    let clock = Locked<UInt64>(1_800_000_000_000_000_000)

    init() {
        path = "/tmp/tdxd-images-\(getpid())-\(UInt64.random(in: .min ... .max))"
    }

    deinit {
        // SAFETY: the paths are read during the calls.
        for name in names { unsafe unlink("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    func store(_ change: (inout ImageLimits) -> Void = { _ in }) throws -> ImageStore {
        var limits = ImageLimits()
        change(&limits)
        let clock = clock
        return try ImageStore(directory: path, limits: limits) { clock.withLock { $0 } }
    }

    /// What a store that has stopped leaves behind.
    func leave(_ bytes: [UInt8]) throws {
        let store = try store()
        try send(bytes, to: store)
        store.stop()
    }

    func wait(seconds: UInt64) { clock.withLock { $0 += seconds * 1_000_000_000 } }

    var names: [String] {
        // SAFETY: the stream is made here and closed below; an entry is good until the next is read.
        guard let stream = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    func write(_ name: String, _ bytes: [UInt8], _ flags: Int32 = O_CREAT | O_TRUNC) {
        // SAFETY: the path and the bytes are read during the calls.
        let file = unsafe open("\(path)/\(name)", O_WRONLY | flags, 0o600)
        _ = unsafe Glibc.write(file, bytes, bytes.count)
        close(file)
    }

    func mode(_ name: String) -> mode_t {
        var status = stat()
        // SAFETY: the structure is ours and written by the call alone.
        unsafe stat("\(path)/\(name)", &status)
        return status.st_mode & 0o7777
    }
}

/// Uploads in pieces of 10,000 bytes and waits for what came of it.
@discardableResult
func send(
    _ bytes: [UInt8], to store: ImageStore, length: UInt64? = nil, expecting: [ExpectedDigest] = []
) throws -> (image: Image, isNew: Bool) {
    let upload = try store.upload(lengthBytes: length, expecting: expecting)
    var start = 0
    while start < bytes.count {
        let end = min(start + 10_000, bytes.count)
        let room = Monitor(false)
        if !upload.append(Array(bytes[start..<end]), roomAgain: { room.withLock { $0 = true } }) {
            try #require(room.wait(timeout: .seconds(60)) { $0 ? true : nil } == true)
        }
        start = end
    }
    let outcome = Monitor<ImageUpload.Outcome?>(nil)
    upload.finish { result in outcome.withLock { $0 = result } }
    return try #require(outcome.wait(timeout: .seconds(60)) { $0 }).get()
}

func take(_ digest: ImageDigest, from store: ImageStore) throws -> ImagePin {
    let outcome = Monitor<Result<[ImagePin], ImageError>?>(nil)
    store.take([digest]) { result in outcome.withLock { $0 = result } }
    let pins = try #require(outcome.wait(timeout: .seconds(60)) { $0 }).get()
    return try #require(pins.first)
}

func digest(_ bytes: [UInt8]) -> ImageDigest { ImageDigest(bytes: SHA384.digest(of: bytes).bytes) }

func pattern(_ count: Int, _ seed: UInt8 = 1) -> [UInt8] {
    // No closure an element: without the optimizer eight threads wait for one another over its type.
    var bytes = [UInt8](repeating: 0, count: count)
    var next: UInt8 = 0
    var index = 0
    while index < count {
        bytes[index] = next
        next &+= seed
        index += 1
    }
    return bytes
}

@Suite("Images on disk") struct ImageStoreTests {
    @Test("An image is stored once, under its digest, readable by its owner alone, and read back as it was")
    func stored() throws {
        let place = Place()
        let store = try place.store()
        let bytes = pattern(3_000_001)
        let first = try send(bytes, to: store, length: 3_000_001)
        #expect(first.isNew)
        #expect(first.image.digest == digest(bytes))
        #expect(first.image.sizeBytes == 3_000_001)
        #expect(try !send(bytes, to: store).isNew)
        #expect(place.names == [digest(bytes).hex + ".image"])
        #expect(place.mode("") == 0o700)
        #expect(place.mode(place.names[0]) == 0o600)
        #expect(store.usage.stored == 3_000_001)
        #expect(store.usage.uploading == 0)
        let reader = try take(first.image.digest, from: store).open()
        var page = [UInt8](repeating: 0xff, count: 4096)
        // SAFETY: the buffer is written during the call.
        try unsafe page.withUnsafeMutableBytes { try unsafe reader.read(at: 2_998_272, into: $0) }
        #expect(page == Array(bytes[2_998_272...]) + [UInt8](repeating: 0, count: 4096 - 1729))
        store.stop()
    }

    @Test("An upload that is given up leaves nothing, and neither does one whose digest or length is wrong")
    func broken() throws {
        let place = Place()
        let store = try place.store()
        let upload = try store.upload(lengthBytes: 100, expecting: [])
        _ = upload.append(pattern(50)) {}
        upload.abort()
        let bytes = pattern(1000)
        let wrong = try #require(ExpectedDigest(algorithm: "sha-256", bytes: [UInt8](repeating: 0, count: 32)))
        #expect {
            try send(bytes, to: store, expecting: [wrong])
        } throws: { error in
            guard case ImageError.digestMismatch(let algorithm, let expected, _) = error else { return false }
            return algorithm == "sha-256" && expected == String(repeating: "0", count: 64)
        }
        #expect(throws: ImageError.incomplete) { try send(bytes, to: store, length: 1001) }
        #expect(throws: ImageError.empty) { try send([], to: store) }
        store.stop()
        #expect(place.names == [])
        #expect(store.usage.stored == 0)
        #expect(store.usage.uploading == 0)
    }

    @Test(
        "A digest that is right is accepted, in each of the algorithms", arguments: ["sha-256", "sha-384", "sha-512"])
    func expected(algorithm: String) throws {
        let place = Place()
        let store = try place.store()
        let known = try #require(DigestAlgorithm(rawValue: algorithm))
        let stream = DigestStream(known)
        let bytes = pattern(5000)
        // SAFETY: bytes have no padding.
        unsafe stream.update(bytes.span.bytes)
        let right = try #require(ExpectedDigest(algorithm: algorithm, bytes: stream.finish()))
        #expect(try send(bytes, to: store, expecting: [right]).isNew)
        store.stop()
    }

    @Test("A start sweeps away what an interrupted upload has left, and finds what was complete")
    func restart() throws {
        let place = Place()
        let bytes = pattern(20_000)
        try place.leave(bytes)
        place.write("17.part", pattern(100))
        let store = try place.store()
        #expect(place.names == [digest(bytes).hex + ".image"])
        #expect(try store.image(digest(bytes)).check == .pending)
        let pin = try take(digest(bytes), from: store)
        #expect(try store.image(pin.image.digest).check == .passed)
        store.stop()
    }

    @Test("A file that was damaged while nobody looked is found before it is used, and replaced when sent again")
    func damaged() throws {
        let place = Place()
        let bytes = pattern(20_000)
        try place.leave(bytes)
        place.write(digest(bytes).hex + ".image", [9], 0)
        let store = try place.store()
        #expect {
            _ = try take(digest(bytes), from: store)
        } throws: { error in
            guard case ImageError.damaged(digest(bytes), let reason) = error else { return false }
            return reason.hasPrefix("its 20000 bytes have the digest sha384:")
        }
        guard case .failed = try store.image(digest(bytes)).check else {
            Issue.record("the image passes for whole")
            return
        }
        #expect(try !send(bytes, to: store).isNew)
        #expect(store.usage.stored == 20_000)
        _ = try take(digest(bytes), from: store).open()
        store.stop()
    }

    @Test("A file that changes after it was checked is refused when it is opened, and found damaged at the next use")
    func changedLater() throws {
        let place = Place()
        let store = try place.store()
        let bytes = pattern(20_000)
        try send(bytes, to: store)
        let pin = try take(digest(bytes), from: store)
        place.write(digest(bytes).hex + ".image", [9, 9], O_APPEND)
        #expect(throws: ImageError.damaged(digest(bytes), reason: "its file has changed since it was checked")) {
            _ = try pin.open()
        }
        #expect(throws: ImageError.self) { _ = try take(digest(bytes), from: store) }
        store.stop()
    }

    @Test("A pinned image is not deleted; when the pin is gone, it is")
    func pinned() throws {
        let place = Place()
        let store = try place.store()
        let bytes = pattern(10)
        try send(bytes, to: store)
        do {
            let pin = try take(digest(bytes), from: store)
            #expect(throws: ImageError.inUse(pin.image.digest)) { try store.delete(pin.image.digest) }
        }
        try store.delete(digest(bytes))
        #expect(place.names == [])
        #expect(throws: ImageError.noSuchImage(digest(bytes))) { try store.delete(digest(bytes)) }
        store.stop()
    }

    @Test("At the cap the image unused for longest goes; what is named or pinned stays, and then nothing fits")
    func cap() throws {
        let place = Place()
        let store = try place.store { $0.capacityBytes = 3000 }
        var digests: [ImageDigest] = []
        for seed: UInt8 in [3, 5, 7] {
            digests.append(try send(pattern(1000, seed), to: store, length: 1000).image.digest)
            place.wait(seconds: 1)
        }
        let pin = try take(digests[0], from: store)
        let named = digests[1]
        store.keepNamed { [named] }
        try send(pattern(1000, 9), to: store, length: 1000)
        #expect(Set(store.images.rows.map(\.digest)) == [digests[0], digests[1], digest(pattern(1000, 9))])
        #expect(throws: ImageError.capacityReached(limitBytes: 3000, usedBytes: 3000, requestedBytes: 1001)) {
            try send(pattern(1001, 11), to: store, length: 1001)
        }
        #expect(store.images.rows.count == 3)
        // Without a length, it is found out on the way.
        #expect(throws: ImageError.self) { try send(pattern(2000, 11), to: store) }
        #expect(throws: ImageError.tooLarge(limitBytes: 3000)) { try send(pattern(3001, 11), to: store, length: 3001) }
        #expect(throws: ImageError.tooLarge(limitBytes: 3000)) { try send(pattern(3001, 11), to: store) }
        #expect(store.usage.uploading == 0)
        _ = pin
        store.stop()
    }

    @Test("An image that nobody names or uses for the retention time is deleted")
    func retention() throws {
        let place = Place()
        let store = try place.store { $0.retention = .seconds(60) }
        let old = try send(pattern(10, 3), to: store).image.digest
        let named = try send(pattern(10, 5), to: store).image.digest
        store.keepNamed { [named] }
        place.wait(seconds: 60)
        #expect(store.deleteExpired() == [])
        place.wait(seconds: 1)
        #expect(store.deleteExpired() == [old])
        #expect(store.images.rows.map(\.digest) == [named])
        store.stop()
    }

    @Test("No more uploads run at once than may, and an ended one makes room")
    func uploads() throws {
        let place = Place()
        let store = try place.store { $0.uploads = 1 }
        let upload = try store.upload(lengthBytes: nil, expecting: [])
        #expect(throws: ImageError.tooManyUploads(limit: 1)) { _ = try store.upload(lengthBytes: nil, expecting: []) }
        let outcome = Monitor(false)
        _ = upload.append([1]) {}
        upload.finish { _ in outcome.withLock { $0 = true } }
        _ = outcome.wait(timeout: .seconds(60)) { $0 ? true : nil }
        try send([2], to: store)
        store.stop()
    }

    @Test("A directory belongs to one process at a time")
    func locked() throws {
        let place = Place()
        let store = try place.store()
        #expect(throws: ImageError.disk("\(place.path) is in use by another process")) { _ = try place.store() }
        store.stop()
    }

    @Test("A directory that others can enter is refused, and stays as it is")
    func open() throws {
        let place = Place()
        // SAFETY: the path is read during the call.
        _ = unsafe mkdir(place.path, 0o700)
        _ = unsafe chmod(place.path, 0o755)
        #expect(throws: ImageError.disk("\(place.path) has mode 755: it must be 700, for us alone")) {
            _ = try place.store()
        }
        #expect(place.mode("") == 0o755)
    }

    @Test("A place that is no directory is refused with the reason")
    func noDirectory() throws {
        let place = Place()
        let store = try place.store()
        place.write("file", [1])
        #expect(throws: ImageError.disk("\(place.path)/file is no directory")) {
            _ = try ImageStore(directory: place.path + "/file")
        }
        store.stop()
    }

    @Test("Eight clients that send the same images at once leave each of them once")
    func concurrent() throws {
        let place = Place()
        let store = try place.store()
        let failures = Locked(0)
        let threads = (0..<8).map { _ in
            Thread {
                for seed in UInt8(1)...6 where (try? send(pattern(200_000, seed), to: store)) == nil {
                    failures.withLock { $0 += 1 }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == 0)
        #expect(store.images.rows.count == 6)
        #expect(store.usage.stored == 1_200_000)
        #expect(place.names.count == 6)
        store.stop()
    }
}
