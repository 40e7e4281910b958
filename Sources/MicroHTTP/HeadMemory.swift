internal import Glibc
internal import HTTPExchange
internal import HTTPTypes

/// The head that a connection sent last, with the bytes it came in: a client that asks the same again, as most do who
/// watch something, is understood without reading its head another time.
///
/// Only heads that have passed every check are remembered, and only those that no body follows. The same bytes of the
/// same client under the same trust mean the same.
///
/// Touched on the connection's own thread only.
final class HeadMemory: @unchecked Sendable {
    /// Bytes of a head that is worth its place in a connection that may be idle for long.
    private static let largest = 1_024

    private var target: [UInt8] = []
    private var isHTTP10 = false
    /// Names and values, one after the other.
    private var fields: [UInt8] = []
    private var sizes: [ReceivedFields.Size] = []
    private(set) var contents: RequestHead.Contents?
    /// Of the judgement of the client in the contents.
    private var generation: UInt64 = 0

    func hasTarget(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // SAFETY: the caller vouches for the bytes during this call.
        unsafe contents != nil && bytes.count == target.count && isSame(target, 0, bytes)
    }

    var targetCount: Int { target.count }

    /// The remembered target as if it had just arrived.
    func receivedTarget() -> ReceivedTarget {
        // SAFETY: the bytes are read during the call.
        unsafe target.withUnsafeBytes { unsafe ReceivedTarget($0) }
    }

    func remember(_ head: ReceivedHead, as contents: RequestHead.Contents, generation: UInt64) {
        let fields = head.fields.written
        guard head.target.count + fields.count <= Self.largest else { return self.contents = nil }
        target = Array(head.target.text.utf8)
        isHTTP10 = head.isHTTP10
        self.fields = fields
        sizes = head.fields.sizes
        self.contents = contents
        self.generation = generation
    }

    /// Begins to compare a head whose target is the same.
    func comparison(method: UnsafePointer<CChar>, isHTTP10: Bool, generation: UInt64) -> Comparison? {
        guard let contents, isHTTP10 == self.isHTTP10, generation == self.generation else { return nil }
        // SAFETY: both are C strings.
        guard unsafe contents.method.rawValue.withCString({ unsafe strcmp($0, method) == 0 }) else { return nil }
        return Comparison(memory: self)
    }

    /// Goes through the fields of a head as the library lists them.
    struct Comparison {
        fileprivate let memory: HeadMemory
        private var index = 0
        private var place = 0
        private var isSame = true

        fileprivate init(memory: HeadMemory) { self.memory = memory }

        /// False when there is no point in another.
        mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
            // SAFETY: the caller vouches for the bytes during this call.
            isSame = unsafe memory.hasField(index, at: place, name: name, value: value)
            index += 1
            place += name.count + value.count
            return isSame
        }

        /// The remembered contents, if all fields have come and were the same.
        var contents: RequestHead.Contents? {
            isSame && index == memory.sizes.count ? memory.contents : nil
        }
    }

    private func hasField(
        _ index: Int, at place: Int, name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) -> Bool {
        guard index < sizes.count, sizes[index].name == name.count, sizes[index].value == value.count else {
            return false
        }
        // SAFETY: the caller vouches for both; as many bytes of ours lie there, by the sizes just compared.
        return unsafe isSame(fields, place, name) && isSame(fields, place + name.count, value)
    }

    /// Whether these bytes are what stands at a place of ours.
    private func isSame(_ ours: [UInt8], _ place: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= ours.count - place else { return false }
        guard let theirs = bytes.baseAddress else { return true }
        return unsafe ours.withUnsafeBytes { ours in
            // SAFETY: that many bytes lie at both places.
            unsafe ours.baseAddress.map { unsafe memcmp($0 + place, theirs, bytes.count) == 0 } ?? bytes.isEmpty
        }
    }
}
