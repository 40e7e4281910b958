import Testing

@testable import tdxd

@Suite("Pages that only the start needed")
struct StartupPagesTests {
    private func mapping(_ line: String, anonymous: Int) -> String {
        """
        \(line)
        Size:               1024 kB
        Rss:                 512 kB
        Anonymous:      \(anonymous) kB
        AnonHugePages:         0 kB
        VmFlags: rd ex mr mw me

        """
    }

    @Test("Files that cannot be written and were not changed can be had again, whatever their paths look like")
    func unchanged() {
        let text =
            mapping("55d0c0000000-55d0c0400000 r-xp 00300000 fe:01 12345    /usr/bin/tdxd", anonymous: 0)
            + mapping("7f0000000000-7f0000001000 r--p 00000000 fe:01 99 /lib/a b (deleted)", anonymous: 0)
        let program: Range<UInt> = 0x55d0_c000_0000..<0x55d0_c040_0000
        let library: Range<UInt> = 0x7f00_0000_0000..<0x7f00_0000_1000
        #expect(StartupPages.unchanged(in: text) == [program, library])
    }

    @Test(
        "Everything else stays",
        arguments: [
            ("1000-2000 rw-p 00000000 fe:01 12345 /usr/bin/tdxd", 0),
            ("1000-2000 r--p 00000000 fe:01 12345 /usr/bin/tdxd", 4),
            ("1000-2000 r-xs 00000000 fe:01 12345 /memfd", 0),
            ("1000-2000 r-xp 00000000 00:00 0 [vdso]", 0),
            ("1000-2000 r-xp 00000000 00:00 0", 0),
            ("2000-1000 r-xp 00000000 fe:01 12345 /usr/bin/tdxd", 0),
            ("1000 r-xp 00000000 fe:01 12345 /usr/bin/tdxd", 0),
        ])
    func others(line: String, anonymous: Int) {
        #expect(StartupPages.unchanged(in: mapping(line, anonymous: anonymous)) == [])
    }

    @Test("Without figures nothing is known")
    func noFigures() {
        #expect(StartupPages.unchanged(in: "1000-2000 r-xp 00000000 fe:01 12345 /usr/bin/tdxd\n") == [])
        #expect(StartupPages.unchanged(in: "") == [])
    }

    @Test("What was given back is there again when it is touched")
    func touched() {
        let text = "read from the program's own pages"
        let before = text.utf8.reduce(0) { $0 &* 31 &+ Int($1) }
        StartupPages.giveBack()
        #expect(text.utf8.reduce(0) { $0 &* 31 &+ Int($1) } == before)
    }
}
