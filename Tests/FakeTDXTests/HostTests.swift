import FakeTDX
import TDXCalls
import Testing

@Suite("The fake as a host")
struct HostTests {
    @Test("hands out every usable page once, ascending, then says it is exhausted")
    func pages() throws {
        let fake = try FakeTDX()
        #expect(fake.capacity.pages == 258_048)
        #expect(fake.capacity.source == .ledger)
        var last: UInt64 = 0
        for _ in 0..<fake.capacity.pages {
            let page = try fake.allocatePage().rawValue
            #expect(page > last)
            last = page
        }
        #expect(last == 0x1_3eff_f000)
        #expect(throws: PortError.self) { try fake.allocatePage() }
        fake.free(PageAddress(rawValue: 0x1_0000_5000))
        #expect(try fake.allocatePage().rawValue == 0x1_0000_5000)
    }

    @Test("hands out 31 KeyIDs, the module's own never")
    func keyIDs() throws {
        let fake = try FakeTDX()
        #expect(fake.capacity.keyIDs == KeyID(rawValue: 33)...KeyID(rawValue: 63))
        for number: UInt16 in 33...63 { #expect(try fake.allocateKeyID() == KeyID(rawValue: number)) }
        #expect(throws: PortError.self) { try fake.allocateKeyID() }
        fake.freeKeyID(KeyID(rawValue: 40))
        #expect(try fake.allocateKeyID() == KeyID(rawValue: 40))
    }

    @Test("reports what no correct host asks, and does not trap")
    func misuses() throws {
        let fake = try FakeTDX()
        let page = try fake.allocatePage()
        fake.free(page)
        fake.free(page)
        fake.free(PageAddress(rawValue: 0x3000_0000))
        fake.flush(PageAddress(rawValue: 0x3000_0000))
        fake.freeKeyID(KeyID(rawValue: 32))
        fake.freeKeyID(KeyID(rawValue: 33))
        #expect(
            fake.misuses.map(\.kind) == [
                .freedTwice, .freedForeignPage, .flushedForeignPage, .freedForeignKeyID, .freedKeyIDTwice,
            ])
    }

    @Test("host memory is aligned, apart, read back as written, and zero again when handed out anew")
    func memory() throws {
        let fake = try FakeTDX()
        let first = try fake.allocateMemory(bytes: 5000)
        let second = try fake.allocateMemory(bytes: 1)
        #expect(first.sizeBytes == 8192)
        #expect(first.address.isMultiple(of: 4096))
        #expect(second.address >= first.address + 8192)
        fake.write([1, 2, 3], to: first, at: 4095)
        #expect(fake.read(first, at: 4094, count: 5) == [0, 1, 2, 3, 0])
        fake.freeMemory(first)
        let again = try fake.allocateMemory(bytes: 8192)
        #expect(again.address == first.address)
        #expect(fake.read(again, at: 4095, count: 3) == [0, 0, 0])
    }

    @Test("notes which pages were flushed and cleared since they were handed out")
    func notes() throws {
        let fake = try FakeTDX()
        let page = try fake.allocatePage()
        #expect(fake.isFlushed(page) == false)
        fake.flush(page)
        fake.clear(page)
        #expect(fake.isFlushed(page) == true)
        #expect(fake.isCleared(page) == true)
        #expect(fake.isFlushed(PageAddress(rawValue: 0x3000_0000)) == nil)
    }

    @Test("clearing a page takes its content away")
    func clear() throws {
        let fake = try FakeTDX()
        let page = try fake.allocatePage()
        fake.writePhysical([9], at: page.rawValue)
        fake.clear(page)
        #expect(fake.readPhysical(at: page.rawValue, count: 1) == [0])
    }

    @Test("says of the module what SYS.RD says, and lists the leaves it dispatches")
    func information() throws {
        let fake = try FakeTDX()
        let module = (fake as any HostPort).module
        let read = TDXModule(calls: fake, host: fake)
        for (name, value) in [
            ("TDX_FEATURES0", module.features0), ("ATTRIBUTES_FIXED0", module.attributesFixed0),
            ("XFAM_FIXED0", module.xfamFixed0), ("TDCS_BASE_SIZE", UInt64(module.tdcsPages * 4096)),
            ("TDVPS_BASE_SIZE", UInt64(module.tdvpsPages * 4096)), ("MINOR_VERSION", UInt64(module.minorVersion)),
        ] {
            let id = try #require(FieldInfo.named(name, in: .sys)?.id)
            #expect(try read.tdh_sys_rd(id, on: Processor(rawValue: 0)) == value, "\(name)")
        }
        #expect(module.cpuidConfig.count == 12)
        #expect(module.keyIDShift == 46)
        #expect(module.hasVPInitX2APICID == false)
        for number: UInt16 in 0..<300 {
            var registers = Registers()
            let answer = try FakeTDX().call(Leaf(number), &registers, on: Processor(rawValue: 0))
            let isUnknown = answer == Completion(.operandInvalid, operand: .rax)
            #expect(isUnknown != module.leaves.contains(number), "leaf \(number)")
        }
    }

    @Test("a processor the platform does not have is the port's failure")
    func unknownProcessor() throws {
        let fake = try FakeTDX()
        var registers = Registers()
        #expect(throws: PortError.self) {
            try fake.call(.sysRD, &registers, on: Processor(rawValue: 4))
        }
    }
}

@Suite("A platform that cannot be")
struct PlatformTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout FakePlatform) -> Void

        init(_ reason: String, _ change: @escaping @Sendable (inout FakePlatform) -> Void) {
            testDescription = reason
            self.change = change
        }
    }

    static let bad: [Bad] = [
        Bad("there must be 1 to 1024 processors") { $0.processors = [] },
        Bad("processors must ascend by number, each once") { $0.processors.reverse() },
        Bad("packages must be numbered from 0, at most 8 of them") { $0.processors.removeFirst(2) },
        Bad("keyIDBits must lie in 1...15") { $0.keyIDBits = 16 },
        Bad("private KeyIDs must be above 0 and fit in 5 bits") { $0.keyIDBits = 5 },
        Bad("the module's own KeyID must be a private one") { $0.globalKeyID = KeyID(rawValue: 3) },
        Bad("host memory must lie outside the TDMRs") { $0.hostMemory.base = 0x1_0000_0000 },
        Bad("cacheSubBlocks must lie in 1...65536") { $0.cacheSubBlocks = 0 },
        Bad("nativeTSCFrequencyHz must not be 0") { $0.nativeTSCFrequencyHz = 0 },
        Bad("SYS.CONFIG would refuse the TDMRs: TDX_INVALID_TDMR (0xc0000a0000000000)") {
            $0.tdmrs[0].range.size = 4096
        },
    ]

    @Test("is refused with its reason", arguments: bad)
    func refused(_ bad: Bad) {
        var platform = FakePlatform.oracle
        bad.change(&platform)
        do throws(FakePlatformError) {
            _ = try FakeTDX(platform: platform)
            Issue.record("the platform was taken")
        } catch {
            #expect(error.description == bad.testDescription)
        }
    }

    @Test("works with one processor, and with 64 in 8 packages", arguments: [(1, 1), (64, 8)])
    func sizes(processors: Int, packages: Int) throws {
        let fake = try FakeTDX(platform: .oracle(processors: processors, packages: packages))
        var registers = Registers(rcx: 0x1_0010_0000, rdx: 33)
        #expect(try fake.call(.mngCreate, &registers, on: Processor(rawValue: 0)) == .success)
        for package in 0..<packages {
            let lp = Processor(rawValue: UInt32(package * processors / packages))
            #expect(try fake.call(.mngKeyConfig, &registers, on: lp) == .success)
        }
        #expect(try fake.call(.mngKeyConfig, &registers, on: Processor(rawValue: 0)) == .lifecycleStateIncorrect)
    }
}
