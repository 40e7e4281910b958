internal import Threading

/// The machine's memory: pages that were never written read as zero and take no room.
///
/// There is no encryption here: whoever reads an address sees what was last written, under whichever KeyID. The
/// pages are spread over a few independent maps so that threads at work on different pages do not meet.
final class PhysicalMemory: Sendable {
    static let pageBytes = 4096
    private static let shardCount = 64

    private let shards: [Locked<[UInt64: [UInt8]]>]

    init() { shards = (0..<Self.shardCount).map { _ in Locked([:]) } }

    private func shard(of page: UInt64) -> Locked<[UInt64: [UInt8]]> { shards[Int(page % UInt64(Self.shardCount))] }

    func write(_ bytes: some Collection<UInt8>, at address: UInt64) {
        var rest = bytes[...]
        var address = address
        while !rest.isEmpty {
            let offset = Int(address & 0xfff)
            let part = rest.prefix(Self.pageBytes - offset)
            shard(of: address >> 12).withLock { pages in
                var page = pages.removeValue(forKey: address >> 12) ?? Self.zeroes
                page.replaceSubrange(offset..<offset + part.count, with: part)
                pages[address >> 12] = page
            }
            address += UInt64(part.count)
            rest = rest.dropFirst(part.count)
        }
    }

    func read(at address: UInt64, count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var address = address
        while bytes.count < count {
            let offset = Int(address & 0xfff)
            let length = min(Self.pageBytes - offset, count - bytes.count)
            shard(of: address >> 12).withLock { pages in
                if let page = pages[address >> 12] {
                    bytes.append(contentsOf: page[offset..<offset + length])
                } else {
                    bytes.append(contentsOf: repeatElement(0, count: length))
                }
            }
            address += UInt64(length)
        }
        return bytes
    }

    /// A little-endian word at an address that is a multiple of 8.
    func word(at address: UInt64) -> UInt64 {
        var value: UInt64 = 0
        for byte in read(at: address, count: 8).reversed() { value = value << 8 | UInt64(byte) }
        return value
    }

    func setWord(_ value: UInt64, at address: UInt64) {
        write((0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }, at: address)
    }

    /// Makes one whole page the copy of another, without a copy being made until one of them is written.
    func copyPage(from source: UInt64, to target: UInt64) {
        let page = shard(of: source >> 12).withLock { $0[source >> 12] }
        shard(of: target >> 12).withLock { $0[target >> 12] = page }
    }

    /// Gives the page's bytes to `body`, zeroes if it was never written.
    func withPage<Result>(at address: UInt64, _ body: ([UInt8]) -> Result) -> Result {
        let page = shard(of: address >> 12).withLock { $0[address >> 12] }
        return body(page ?? Self.zeroes)
    }

    /// Makes pages read as zero again, and forgets them.
    func clear(_ range: MemoryRange) {
        for page in (range.base >> 12)..<(range.end + 0xfff) >> 12 {
            _ = shard(of: page).withLock { $0.removeValue(forKey: page) }
        }
    }

    private static let zeroes = [UInt8](repeating: 0, count: pageBytes)
}
