/// Runs of pages of host memory: first fit, and runs given back are handed out again.
struct MemoryAllocator: Sendable {
    private var free: [MemoryRange]
    private var held: [UInt64: UInt64] = [:]

    init(_ range: MemoryRange) { free = [range] }

    mutating func allocate(bytes: Int) -> MemoryRange? {
        let size = UInt64(max(1, bytes) + 4095) & ~4095
        guard let index = free.firstIndex(where: { $0.size >= size }) else { return nil }
        let run = MemoryRange(base: free[index].base, size: size)
        free[index].base += size
        free[index].size -= size
        if free[index].size == 0 { free.remove(at: index) }
        held[run.base] = size
        return run
    }

    /// The run that was handed out at an address and is now free; nil if there is none.
    mutating func release(_ base: UInt64) -> MemoryRange? {
        guard let size = held.removeValue(forKey: base) else { return nil }
        let run = MemoryRange(base: base, size: size)
        let position = free.firstIndex { $0.base > base } ?? free.endIndex
        free.insert(run, at: position)
        if position + 1 < free.count, free[position].end == free[position + 1].base {
            free[position].size += free.remove(at: position + 1).size
        }
        if position > 0, free[position - 1].end == free[position].base {
            free[position - 1].size += free.remove(at: position).size
        }
        return run
    }

    func holds(_ address: UInt64, count: Int) -> Bool {
        held.contains { $0.key <= address && address + UInt64(count) <= $0.key + $0.value }
    }
}
