import TDXCalls
import Testing

@Suite("Field ids")
struct FieldIDTests {
    @Test("The six parts of MRTD have consecutive codes")
    func mrtd() throws {
        let info = try #require(FieldInfo.named("MRTD", in: .td))
        #expect(
            (0..<6).map { info.id(element: $0)?.rawValue } == [
                0x1310_0003_0000_0000, 0x1310_0003_0000_0001, 0x1310_0003_0000_0002, 0x1310_0003_0000_0003,
                0x1310_0003_0000_0004, 0x1310_0003_0000_0005,
            ])
        #expect(info.id(element: 6) == nil)
    }

    @Test("The four RTMRs are six parts each, six codes apart")
    func rtmr() throws {
        let info = try #require(FieldInfo.named("RTMR", in: .td))
        #expect(info.elementCount == 24)
        #expect(info.id(element: 0)?.rawValue == 0x1310_0003_0000_0040)
        #expect(info.id(element: 5)?.rawValue == 0x1310_0003_0000_0045)
        #expect(info.id(element: 6)?.rawValue == 0x1310_0003_0000_0046)
        #expect(info.id(element: 23)?.rawValue == 0x1310_0003_0000_0057)
        #expect(info.id(element: 24) == nil)
    }

    @Test("A vCPU's pages are fifteen fields of one element")
    func tdvpsPages() throws {
        let info = try #require(FieldInfo.named("TDVPS_PAGE_PA", in: .vp))
        #expect(info.fieldCount == 15)
        #expect(info.id(element: 14)?.rawValue == 0xa020_0003_0000_001e)
        #expect(info.id(element: 15) == nil)
    }

    @Test("Fields of a VMCS array are two codes apart, and the odd codes between are no fields")
    func vmcsStep() throws {
        let info = try #require(FieldInfo.find(FieldID(rawValue: 0x0024_0003_0000_201c), in: .vp)?.info)
        #expect(info.name == "VMCS_EOI_EXIT_BITMAP_N")
        #expect(info.id(element: 3)?.rawValue == 0x0024_0003_0000_2022)
        #expect(FieldInfo.find(FieldID(rawValue: 0x0024_0003_0000_201d), in: .vp) == nil)
    }

    @Test("The lookup ignores context, element size and step, as the single-field leaves do")
    func lookup() {
        let bare = FieldID(rawValue: 0x1300_0000_0000_0003)
        #expect(FieldInfo.find(bare, in: .td)?.info.name == "MRTD")
        #expect(FieldInfo.find(bare, in: .td)?.element == 3)
        let decorated = FieldID(rawValue: 0x137c_0003_0000_0003)
        #expect(FieldInfo.find(decorated, in: .td)?.info.name == "MRTD")
        #expect(FieldInfo.find(bare, in: .vp) == nil)
        #expect(FieldInfo.find(bare, in: .sys) == nil)
        #expect(FieldInfo.find(FieldID(rawValue: 0x9300_0000_0000_0003), in: .td) == nil, "bit 63 is looked at")
        #expect(FieldInfo.find(.none, in: .td) == nil)
    }

    @Test("An id is taken apart bit by bit")
    func parts() {
        let id = FieldID(rawValue: 0xbf2a_aaa9_0012_3456)
        #expect(id.fieldCode == 0x12_3456)
        #expect(id.elementSizeBytes == 2)
        #expect(id.lastElementInField == 0b1010)
        #expect(id.lastFieldInSequence == 0b0_1010_1010)
        #expect(id.contextCode == 2)
        #expect(id.classCode == 0x3f)
        #expect(id.isNonArchitectural)
        #expect(id.lookupKey == 0xbf00_0000_0012_3456)
    }

    @Test("Each reserved bit shows, and no other", arguments: 0..<64)
    func reservedBits(bit: Int) {
        let reserved = (24...31).contains(bit) || (47...49).contains(bit) || bit == 55 || bit == 62
        #expect((FieldID(rawValue: 1 << UInt64(bit)).reservedBits != 0) == reserved)
    }

    @Test("Names belong to a context: the same word elsewhere is no field")
    func contexts() {
        #expect(FieldInfo.named("PEND_NMI", in: .vp)?.id.rawValue == 0x2020_0000_0000_000b)
        #expect(FieldInfo.named("PEND_NMI", in: .td) == nil)
        #expect(FieldInfo.named("NUM_VCPUS", in: .td)?.id.rawValue == 0x9010_0002_0000_0001)
        #expect(FieldInfo.named("VENDOR_ID", in: .sys)?.id.rawValue == 0x0800_0002_0000_0000)
        #expect(FieldInfo.named("pend_nmi", in: .vp) == nil)
    }
}

@Suite("CPUID_VALUES")
struct CPUIDValuesTests {
    @Test("The field code packs leaf, sub-leaf and element")
    func packs() {
        #expect(FieldID.cpuidValues(leaf: 0, subleaf: 0, element: 0)?.rawValue == 0x9410_0003_0000_0000)
        #expect(FieldID.cpuidValues(leaf: 0xa, subleaf: nil, element: 1)?.rawValue == 0x9410_0003_0000_15ff)
        #expect(FieldID.cpuidValues(leaf: 0x1c, subleaf: nil, element: 0)?.rawValue == 0x9410_0003_0000_39fe)
        #expect(FieldID.cpuidValues(leaf: 7, subleaf: 2, element: 1)?.rawValue == 0x9410_0003_0000_0e05)
        #expect(FieldID.cpuidValues(leaf: 0x8000_0008, subleaf: nil, element: 0)?.rawValue == 0x9410_0003_0001_11fe)
    }

    @Test("What does not fit the code has no id")
    func refuses() {
        #expect(FieldID.cpuidValues(leaf: 0x80, subleaf: nil, element: 0) == nil)
        #expect(FieldID.cpuidValues(leaf: 0x4000_0000, subleaf: nil, element: 0) == nil)
        #expect(FieldID.cpuidValues(leaf: 0x8000_0080, subleaf: nil, element: 0) == nil)
        #expect(FieldID.cpuidValues(leaf: 4, subleaf: 128, element: 0) == nil)
        #expect(FieldID.cpuidValues(leaf: 4, subleaf: 0, element: 2) == nil)
        #expect(FieldID.cpuidValues(leaf: 4, subleaf: 0, element: -1) == nil)
    }

    @Test("Each packed id is found as CPUID_VALUES, with its element; the count gives ids only for leaf 0")
    func finds() throws {
        let info = try #require(FieldInfo.named("CPUID_VALUES", in: .td))
        #expect(info.isPacked)
        #expect(FieldInfo.all.filter(\.isPacked).count == 1)
        for leaf in [UInt32(0), 1, 4, 7, 0xd, 0x8000_0008] {
            for element in 0...1 {
                let id = try #require(FieldID.cpuidValues(leaf: leaf, subleaf: 1, element: element))
                let found = FieldInfo.find(id, in: .td)
                #expect(found?.info.name == "CPUID_VALUES")
                #expect(found?.element == element)
            }
        }
        #expect(info.id(element: 1)?.rawValue == 0x9410_0003_0000_0001)
        #expect(info.id(element: 2) == nil)
        #expect(FieldInfo.find(FieldID(rawValue: 0x9410_0003_0002_0000), in: .td) == nil)
    }
}
