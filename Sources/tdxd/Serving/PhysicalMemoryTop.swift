internal import FakeTDX
internal import FoundationEssentials
internal import TDXCalls

/// Where this machine's memory ends.
enum PhysicalMemoryTop {
    /// One past the last byte of memory; nil if the kernel does not tell, as it does not tell everybody.
    static func read() -> UInt64? {
        // `try?`: not to know is the answer, whatever the reason.
        guard let text = try? String(contentsOf: URL(filePath: "/proc/iomem"), encoding: .utf8) else { return nil }
        return top(text)
    }

    static func top(_ text: String) -> UInt64? {
        let ends = text.split(separator: "\n").compactMap { line -> UInt64? in
            let parts = line.split(separator: " : ")
            guard parts.count == 2, parts[1] == "System RAM" else { return nil }
            let range = parts[0].split(separator: "-")
            guard range.count == 2, let end = UInt64(range[1], radix: 16), end > 0 else { return nil }
            return end + 1
        }
        return ends.max()
    }
}

extension FakePlatform {
    /// This platform with one TDMR from address 0 to the end of a machine's memory, and the machine's processors: for
    /// pages that a kernel allocates wherever it likes.
    func spanning(_ top: UInt64, processors: [ProcessorInfo]) -> FakePlatform {
        var platform = self
        let gigabytes = max(1, (top + (1 << 30) - 1) >> 30)
        let size = gigabytes << 30
        let tables = Self.tablesBase
        platform.processors = processors
        platform.tdmrs = [
            TDMRLayout(
                range: MemoryRange(base: 0, size: size),
                pamt4K: MemoryRange(base: tables, size: gigabytes << 22),
                pamt2M: MemoryRange(base: tables * 2, size: gigabytes << 13),
                pamt1G: MemoryRange(base: tables * 3, size: (gigabytes * 16 + 4095) & ~4095))
        ]
        platform.convertibleMemory = [MemoryRange(base: 0, size: tables * 4)]
        platform.hostMemory = MemoryRange(base: tables * 4, size: 1 << 30)
        return platform
    }

    /// Beyond the memory of any machine that an emulation is for.
    private static let tablesBase: UInt64 = 1 << 40
}
