import Digests
import Testing

@Suite("SHA-384")
struct SHA384Tests {
    @Test(
        "gives the published digests",
        arguments: [
            (
                "",
                "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b"
            ),
            (
                "abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
                    + "mnopqrstnopqrstu",
                "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039"
            ),
        ])
    func known(text: String, hex: String) {
        #expect(SHA384.digest(of: Array(text.utf8)).hex == hex)
    }

    @Test("does not care how its input is cut")
    func cuts() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let whole = SHA384.digest(of: bytes)
        for cut in [0, 1, 111, 112, 127, 128, 129, 999, 1000] {
            var hash = SHA384()
            hash.update(Array(bytes[..<cut]))
            hash.update(Array(bytes[cut...]))
            #expect(hash.digest() == whole)
        }
    }

    @Test("can be forked: a copy goes its own way")
    func fork() {
        var original = SHA384()
        original.update(Array("ab".utf8))
        var copy = original
        original.update(Array("c".utf8))
        copy.update(Array("d".utf8))
        #expect(original.digest() == SHA384.digest(of: Array("abc".utf8)))
        #expect(copy.digest() == SHA384.digest(of: Array("abd".utf8)))
    }

    @Test("can be asked for its digest and fed on")
    func digestThenFeed() {
        var hash = SHA384()
        #expect(hash.digest() == SHA384.digest(of: []))
        hash.update(Array("abc".utf8))
        #expect(hash.digest() == SHA384.digest(of: Array("abc".utf8)))
    }

    /// A header block as the module feeds it: name, guest address, zeroes.
    private func header(_ name: String, _ gpa: UInt64) -> [UInt8] {
        var block = Array(name.utf8)
        block += [UInt8](repeating: 0, count: 16 - block.count)
        block += (0..<8).map { UInt8(truncatingIfNeeded: gpa >> UInt64(8 * $0)) }
        return block + [UInt8](repeating: 0, count: SHA384.blockBytes - block.count)
    }

    private func measure(page gpa: UInt64, content: [UInt8]?, into hash: inout SHA384) {
        hash.update(header("MEM.PAGE.ADD", gpa))
        guard let content else { return }
        for offset in stride(from: 0, to: 4096, by: 256) {
            hash.update(header("MR.EXTEND", gpa + UInt64(offset)))
            hash.update(Array(content[offset..<offset + 256]))
        }
    }

    @Test("gives the four check vectors of a TD's measurement")
    func measurementVectors() {
        var hash = SHA384()
        #expect(
            hash.digest().hex
                == "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b")

        measure(page: 0x1000, content: nil, into: &hash)
        #expect(
            hash.digest().hex
                == "fcdabf6fdf38b87d2e3a89b1ab68c242abb261dffa70ef6f1dc2220c2752d2729cdf1be92afc2e0e4297f04e2b629552")

        var zeroPage = SHA384()
        measure(page: 0x1000, content: [UInt8](repeating: 0, count: 4096), into: &zeroPage)
        #expect(
            zeroPage.digest().hex
                == "ca76d5541328afef8bc9364261c515aebef90412ebc56ca0c2260ec531a14462cfc0c11de61d84292ddf8ca871da1ff1")

        var twoPages = SHA384()
        measure(page: 0xffff_f000, content: (0..<4096).map { UInt8($0 % 256) }, into: &twoPages)
        measure(page: 0x80_0000, content: nil, into: &twoPages)
        #expect(
            twoPages.digest().hex
                == "62f802ebfcc5fec7344b1ab23dcdea55dbc11fd076a33c94f0aa2338848165c930cc9f0ef8ebbaf70bfbb193e9e210cf")
    }
}
