import ControlSchema
import Testing

@Suite("Hex values")
struct HexValueTests {
    @Test("A hex value is written in lower case without leading zeros")
    func writing() {
        #expect(HexValue(0).description == "0x0")
        #expect(HexValue(0x1F).description == "0x1f")
        #expect(HexValue(.max).description == "0xffffffffffffffff")
    }

    @Test(
        "A hex value is read only as it is written",
        arguments: [
            "", "0x", "1f", "0X1f", "0x1F", "0x01", "0x00", "0x10000000000000000", " 0x1", "0x1 ", "0xg", "-0x1",
        ])
    func refusal(_ text: String) {
        #expect(HexValue(text: text) == nil)
    }

    @Test("Every bit survives being written and read", arguments: 0..<64)
    func bits(_ bit: Int) {
        let value = HexValue(1 << UInt64(bit))
        #expect(HexValue(text: value.description) == value)
        #expect(CompletionHex(text: CompletionHex(1 << UInt64(bit)).description)?.rawValue == 1 << UInt64(bit))
    }

    @Test("A CPUID register has at most eight digits")
    func registers() {
        #expect(Hex32(text: "0xffffffff")?.rawValue == .max)
        #expect(Hex32(text: "0x100000000") == nil)
        #expect(Hex32(0x806f8).description == "0x806f8")
    }

    @Test("A completion always has sixteen digits")
    func completions() {
        #expect(CompletionHex(0).description == "0x0000000000000000")
        #expect(CompletionHex(0x8000_0817_0000_0000).description == "0x8000081700000000")
        #expect(CompletionHex(text: "0x0000081500000000")?.rawValue == 0x815_0000_0000)
        #expect(CompletionHex(text: "0x81500000000") == nil)
        #expect(CompletionHex(text: "0x00000815000000000") == nil)
    }

    @Test("An MR id is 96 lower-case digits and nothing else")
    func measurementIDs() {
        let text = String(repeating: "0123456789abcdef", count: 6)
        #expect(Hex384(text: text)?.description == text)
        #expect(Hex384(text: text)?.bytes.count == 48)
        #expect(Hex384(text: String(text.dropLast())) == nil)
        #expect(Hex384(text: text + "0") == nil)
        #expect(Hex384(text: text + "00") == nil)
        #expect(Hex384(text: text.replacing("a", with: "A")) == nil)
        #expect(Hex384(bytes: [UInt8](repeating: 1, count: 47)) == nil)
        #expect(Hex384.zero.description == String(repeating: "0", count: 96))
    }
}

@Suite("Ids")
struct IDTests {
    @Test("An id is its prefix and 26 Crockford characters")
    func syntax() {
        #expect(IDKind.td.isID("td-01kas3xqhj8x2v5m7t9w4c6b1d"))
        #expect(!IDKind.td.isID("op-01kas3xqhj8x2v5m7t9w4c6b1d"))
        #expect(!IDKind.td.isID("td-01kas3xqhj8x2v5m7t9w4c6b1"))
        #expect(!IDKind.td.isID("td-01kas3xqhj8x2v5m7t9w4c6b1dd"))
        #expect(!IDKind.td.isID("td-01kas3xqhj8x2v5m7t9w4c6b1u"))
        #expect(!IDKind.td.isID("td-01KAS3XQHJ8X2V5M7T9W4C6B1D"))
    }

    @Test("128 bits become 26 characters, most significant first")
    func encoding() {
        #expect(IDKind.seamcall.id(high: 0, low: 0) == IDKind.seamcall.nilID)
        #expect(IDKind.seamcall.nilID == "sc-00000000000000000000000000")
        #expect(IDKind.td.id(high: 0, low: 33) == "td-00000000000000000000000011")
        #expect(IDKind.td.id(high: .max, low: .max) == "td-7zzzzzzzzzzzzzzzzzzzzzzzzz")
        #expect(IDKind.td.id(high: 1, low: 0) == "td-0000000000000g000000000000")
        #expect(IDKind.td.id(high: 1, low: 0) > IDKind.td.id(high: 0, low: .max))
    }
}
