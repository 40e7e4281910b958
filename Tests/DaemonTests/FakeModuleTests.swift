import FakeTDX
import TDXCalls
import Testing

@testable import tdxd

@Suite("The fake of another process")
struct FakeModuleTests {
    @Test("the choice of a module is a word, or a socket behind fake:")
    func choices() throws {
        #expect(try ModuleChoice("auto") == .auto)
        #expect(try ModuleChoice("fake") == .fake)
        #expect(try ModuleChoice("shim") == .shim)
        #expect(try ModuleChoice("fake:/run/a:b.sock") == .servedFake(path: "/run/a:b.sock"))
        for wrong in ["", "fake:", "Fake", "shim:/dev/x", "fake/"] {
            let fault = #expect(throws: ItemFault.self) { try ModuleChoice(wrong) }
            #expect(fault?.reason == "must be auto, fake, fake:SOCKET or shim")
        }
    }

    @Test("a machine's memory ends where the last of it does, and nowhere if the kernel does not say")
    func top() {
        let map = """
            00001000-0009fbff : System RAM
            000f0000-000fffff : System ROM
            00100000-1ffdffff : System RAM
              01000000-020fffff : Kernel code
            100000000-17fffffff : System RAM
            fd00000000-ffffffffff : Reserved
            """
        #expect(PhysicalMemoryTop.top(map) == 0x1_8000_0000)
        #expect(PhysicalMemoryTop.top("00000000-00000000 : System RAM\n") == nil)
        #expect(PhysicalMemoryTop.top("") == nil)
    }

    @Test(
        "a fake takes any page of such a machine, from its first to its last",
        arguments: [1 << 20, 0x1ffe_0000, 3 << 30])
    func spanning(top: UInt64) throws {
        let processors = [0, 1].map { ProcessorInfo(processor: Processor(rawValue: $0), package: Package(rawValue: 0)) }
        let platform = FakePlatform.oracle.spanning(top, processors: processors)
        let fake = try FakeTDX(platform: platform)
        #expect(fake.processors == processors)
        for (page, keyID) in [(UInt64(0x1000), UInt64(33)), (top - 0x1000, 34)] {
            var registers = Registers(rcx: page, rdx: keyID)
            #expect(try fake.call(.mngCreate, &registers, on: Processor(rawValue: 1)) == .success)
        }
    }
}
