internal import Digests
internal import TDXCalls

/// MRTD as the module computes it: SHA-384 over a header for each TDH.MEM.PAGE.ADD, and a header and 256 bytes for
/// each TDH.MR.EXTEND, in the order of the calls.
struct MRTDHash: Sendable {
    private(set) var hash: SHA384
    /// What one page adds: its header, and sixteen times a header and a chunk. Laid out once, since one long piece is
    /// hashed in less time than 33 short ones.
    private var block = Self.blank

    init(_ hash: SHA384 = SHA384()) { self.hash = hash }

    static let headerBytes = 128
    private static let chunkBytes = headerBytes + measuredChunkBytes
    private static let gpaOffset = 16

    private static let blank: [UInt8] = {
        var block = [UInt8](repeating: 0, count: headerBytes + chunksPerPage * chunkBytes)
        func name(_ text: StaticString, at offset: Int) {
            for (place, byte) in text.description.utf8.enumerated() { block[offset + place] = byte }
        }
        name("MEM.PAGE.ADD", at: 0)
        for chunk in 0..<chunksPerPage { name("MR.EXTEND", at: headerBytes + chunk * chunkBytes) }
        return block
    }()

    /// Takes in what the module has accepted of a piece.
    mutating func add(_ piece: MeasuredPiece) {
        for page in 0..<piece.pages {
            let gpa = piece.gpa.rawValue + UInt64(page * pageSizeBytes)
            guard piece.isMeasured else {
                write(gpa, at: Self.gpaOffset)
                feed(Self.headerBytes)
                continue
            }
            let chunks = page == piece.pages - 1 ? piece.chunksOfLast : chunksPerPage
            layOut(gpa, piece.bytes, from: page * pageSizeBytes, chunks: chunks)
            feed(Self.headerBytes + chunks * Self.chunkBytes)
        }
    }

    /// The 48 bytes for what was taken in so far.
    var digest: MeasurementID {
        guard let digest = MeasurementID(bytes: hash.digest().bytes) else {
            preconditionFailure("a SHA-384 digest has 48 bytes")
        }
        return digest
    }

    private mutating func layOut(_ gpa: UInt64, _ bytes: [UInt8], from offset: Int, chunks: Int) {
        precondition(offset + chunks * measuredChunkBytes <= bytes.count, "a chunk beyond what was read")
        write(gpa, at: Self.gpaOffset)
        // SAFETY: source and target are two arrays, and both ranges were checked: the source's above, the target's by
        // the block's layout, which has room for every chunk of a page.
        unsafe bytes.withUnsafeBytes { source in
            unsafe block.withUnsafeMutableBytes { target in
                for chunk in 0..<chunks {
                    let place = Self.headerBytes + chunk * Self.chunkBytes
                    let address = (gpa + UInt64(chunk * measuredChunkBytes)).littleEndian
                    unsafe target.storeBytes(of: address, toByteOffset: place + Self.gpaOffset, as: UInt64.self)
                    let content = unsafe UnsafeRawBufferPointer(
                        rebasing: source[(offset + chunk * measuredChunkBytes)...].prefix(measuredChunkBytes))
                    unsafe UnsafeMutableRawBufferPointer(
                        rebasing: target[(place + Self.headerBytes)...].prefix(measuredChunkBytes)
                    ).copyMemory(from: content)
                }
            }
        }
    }

    private mutating func write(_ gpa: UInt64, at offset: Int) {
        for byte in 0..<8 { block[offset + byte] = UInt8(truncatingIfNeeded: gpa >> UInt64(8 * byte)) }
    }

    private mutating func feed(_ count: Int) { Self.feed(block, count, to: &hash) }

    private static func feed(_ block: [UInt8], _ count: Int, to hash: inout SHA384) {
        // SAFETY: bytes have no padding, so all of the span's memory is initialised.
        unsafe hash.update(block.span.bytes.extracting(first: count))
    }
}

/// Pages of one region, as far as the module accepted them.
struct MeasuredPiece: Sendable {
    let gpa: GPA
    /// Their contents; empty if they are not measured.
    let bytes: [UInt8]
    let isMeasured: Bool
    /// Pages added.
    let pages: Int
    /// Chunks of the last of them that are measured.
    let chunksOfLast: Int
}

extension MeasurementID {
    /// MRTD of a TD to which nothing was added.
    static let ofNothing = MRTDHash().digest
}
