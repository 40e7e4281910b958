internal import TDXCalls

/// What one region adds to a measurement: pages the module has taken from its beginning on, and their chunks.
struct MeasuredSpan: Hashable, Sendable {
    let gpa: GPA
    let pages: Int
    /// Measured chunks of 256 bytes; 0 where only the addresses are measured.
    let chunks: Int
    /// What their bytes are called and how many there are, where they can be read again.
    let content: String?
    let contentBytes: UInt64

    init(_ region: MemoryRegion, pages: Int, chunks: Int, _ content: (any MemoryContent)?) {
        gpa = region.gpa
        self.pages = pages
        self.chunks = chunks
        self.content = chunks > 0 ? content?.name : nil
        contentBytes = chunks > 0 ? content?.sizeBytes ?? 0 : 0
    }

    /// Whether what it adds is known from itself, without anything that passes once.
    var isRepeatable: Bool { chunks == 0 || content != nil }

    func chunksOfLast(in pages: Range<Int>) -> Int {
        pages.upperBound == self.pages ? chunks - (self.pages - 1) * chunksPerPage : chunksPerPage
    }
}

/// A span with the bytes that stand in it.
struct MeasuredSource: Sendable {
    let span: MeasuredSpan
    let content: any MemoryContent
}
