import CTDXShim
import FakeTDX
import Glibc
import KernelShim
import TDXCalls
import TestFolders
import Testing
import Threading

@Suite("Calls through the shim")
struct TranslationTests {
    let machine: Machine
    let folder: TemporaryFolder
    let daemon: TestDaemon
    var shim: KernelShim { daemon.shim }
    let first = Processor(rawValue: 0)

    init() throws {
        machine = try Machine()
        folder = try TemporaryFolder()
        daemon = try TestDaemon(machine, folder.session)
    }

    private func create() throws -> (page: PageAddress<HostOwned>, keyID: KeyID) {
        let page = try shim.allocatePage()
        let keyID = try shim.allocateKeyID()
        var registers = Registers(rcx: page.rawValue, rdx: UInt64(keyID.rawValue))
        #expect(try shim.call(.mngCreate, &registers, on: first).isSuccess)
        return (page, keyID)
    }

    @Test("What the module says of itself comes through, with the processors and their packages")
    func information() {
        var expected = machine.fake.module
        expected.backend = "shim"
        expected.leaves = shim.module.leaves
        #expect(shim.module == expected)
        #expect(shim.module.leaves.contains(Leaf.mngCreate.number))
        #expect(!shim.module.leaves.contains(Leaf.sysInit.number))
        #expect(shim.processors == machine.fake.processors)
        #expect(shim.capacity.source == .kernelAllocator)
        #expect(shim.capacity.pages == 4096)
        #expect(shim.reportsAllOutputs)
        #expect(!shim.retriesEntropy)
    }

    @Test("Pages have the machine's addresses, KeyIDs their numbers, and both can be given back")
    func objects() throws {
        let page = try shim.allocatePage()
        #expect(page.rawValue % 4096 == 0)
        let keyID = try shim.allocateKeyID()
        #expect(shim.module.privateKeyIDs.contains(keyID) && keyID != shim.module.globalKeyID)
        shim.free(page)
        shim.freeKeyID(keyID)
        #expect(daemon.troubles.withLock { $0 } == [])
        shim.free(page)
        shim.freeKeyID(keyID)
        #expect(daemon.troubles.withLock { $0.map(\.fault) } == [.noSuchObject, .noSuchObject])
    }

    @Test("It has no pages of 2 MiB, and says why")
    func largePages() {
        let reason = shim.largePagesRefusal
        #expect(reason?.hasSuffix("for single pages, not for 2 MiB in a row, and has no TDH.MEM.PAGE.PROMOTE") == true)
        let error = #expect(throws: PortError.self) { try shim.allocateLargePage() }
        #expect(error?.reason == .unsupported && error?.explanation == reason)
        #expect(shim.largePages == HostLargePages(free: 0, total: 0))
        #expect(!shim.module.leaves.contains(Leaf.memPagePromote.number))
    }

    @Test("Host memory is written, read and freed; the leaf that reads it finds what was written")
    func memory() throws {
        let memory = try shim.allocateMemory(bytes: 5000)
        #expect(memory.sizeBytes == 8192)
        #expect(shim.read(memory, at: 0, count: 8192).allSatisfy { $0 == 0 })
        shim.write([1, 2, 3], to: memory, at: 4999)
        #expect(shim.read(memory, at: 4998, count: 5) == [0, 1, 2, 3, 0])
        let other = try shim.allocateMemory(bytes: 1)
        #expect(other.address != memory.address)
        shim.freeMemory(memory)
        shim.freeMemory(other)
        #expect(daemon.troubles.withLock { $0 } == [])
    }

    @Test("An address that is no page of ours is refused before it gets to the shim")
    func foreignAddress() throws {
        var registers = Registers(rcx: 0x1000, rdx: 33)
        let error = #expect(throws: PortError.self) { try shim.call(.mngCreate, &registers, on: first) }
        #expect(error?.fault == .noSuchObject)
        #expect(error?.reason == .notExecuted)
        #expect(machine.count(.mngCreate) == 0)
    }

    @Test("A leaf that the shim has no form for is unsupported, and so is a register that the leaf lacks")
    func unsupported() throws {
        var registers = Registers()
        let error = #expect(throws: PortError.self) { try shim.call(.sysInit, &registers, on: first) }
        #expect(error?.reason == .unsupported)
        #expect(error?.fault == .leafNotCarried)
        let td = try create()
        registers = Registers(rcx: td.page.rawValue, r11: 1)
        let stray = #expect(throws: PortError.self) { try shim.call(.mngKeyConfig, &registers, on: first) }
        #expect(stray?.fault == .malformed)
        #expect(machine.count(.mngKeyConfig) == 0)
    }

    @Test("A module's refusal is an answer with its registers, and no error of the shim's")
    func refusal() throws {
        let td = try create()
        var registers = Registers(rcx: td.page.rawValue)
        let completion = try shim.call(.phymemPageReclaim, &registers, on: first)
        #expect(completion.code == Completion.lifecycleStateIncorrect.code)
        #expect(registers.rcx == PageType.tdr.rawValue)
        registers = Registers(rcx: td.page.rawValue, rdx: 0)
        #expect(try shim.call(.mngRD, &registers, on: first).code == Completion.tdKeysNotConfigured.code)
    }

    @Test("A page that the module named comes back as its address")
    func namedPage() throws {
        let td = try create()
        for processor in [0, 2] as [UInt32] {
            var registers = Registers(rcx: td.page.rawValue)
            #expect(try shim.call(.mngKeyConfig, &registers, on: Processor(rawValue: processor)).isSuccess)
        }
        let page = try shim.allocatePage()
        var registers = Registers(rcx: page.rawValue, rdx: td.page.rawValue)
        #expect(try shim.call(.mngAddCX, &registers, on: first).isSuccess)
        registers = Registers(rcx: page.rawValue)
        #expect(try shim.call(.phymemPageRDMD, &registers, on: first).isSuccess)
        #expect(registers.rcx == PageType.tdcx.rawValue)
        #expect(registers.rdx == td.page.rawValue)
    }

    @Test(
        "Each error number of the shim's has its own meaning, and nothing was executed",
        arguments: [
            (EINVAL, PortFault.malformed, PortError.Reason.notExecuted), (ENOENT, .noSuchObject, .notExecuted),
            (EPROTOTYPE, .wrongKind, .notExecuted), (EBUSY, .objectBusy, .notExecuted),
            (EOPNOTSUPP, .leafNotCarried, .unsupported), (ENXIO, .noSuchProcessor, .notExecuted),
            (ENODEV, .noBackend, .notExecuted), (ETIMEDOUT, .notTaken, .notExecuted), (ENOSPC, .full, .exhausted),
            (ENOMEM, .noMemory, .exhausted), (EINTR, .interrupted, .notExecuted), (EFAULT, .deviceError, .notExecuted),
            (ENOTTY, .deviceError, .notExecuted), (EIO, .deviceError, .notExecuted),
        ])
    func errorNumber(_ code: Int32, _ fault: PortFault, _ reason: PortError.Reason) throws {
        daemon.device.before.withLock { $0 = { _ in code } }
        let error = #expect(throws: PortError.self) { try shim.allocatePage() }
        #expect(error?.fault == fault)
        #expect(error?.reason == reason)
        #expect(error?.errorNumber == code)
        #expect(error?.explanation.hasPrefix("allocate a page: ") == true)
    }

    @Test("A request that a signal interrupted is made again")
    func interrupted() throws {
        let left = Countdown(3)
        daemon.device.before.withLock { $0 = { _ in left.next() ? EINTR : 0 } }
        _ = try shim.allocatePage()
        #expect(!left.next())
    }

    @Test(
        "Each fault has its own meaning: traps have changed nothing, and of the others nobody knows",
        arguments: [
            (TDX_SHIM_FAULT_UD, PortFault.undefinedInstruction, PortError.Reason.notExecuted),
            (TDX_SHIM_FAULT_GP, .generalProtection, .notExecuted),
            (TDX_SHIM_FAULT_VMFAIL, .vmFailInvalid, .outcomeUnknown),
            (TDX_SHIM_FAULT_TIMEOUT, .timedOut, .outcomeUnknown),
            (TDX_SHIM_FAULT_EMULATOR_LOST, .emulatorLost, .outcomeUnknown),
            (tdx_shim_fault(rawValue: 77), .badAnswer, .outcomeUnknown),
        ])
    func faults(_ given: tdx_shim_fault, _ fault: PortFault, _ reason: PortError.Reason) throws {
        let td = try create()
        machine.arm(.mngKeyConfig, .fault(given, executed: false))
        var registers = Registers(rcx: td.page.rawValue)
        let error = #expect(throws: PortError.self) { try shim.call(.mngKeyConfig, &registers, on: first) }
        #expect(error?.fault == fault)
        #expect(error?.reason == reason)
        #expect(registers == Registers(rcx: td.page.rawValue))
    }

    @Test(
        "A code that only software makes is no answer of the module's",
        arguments: [
            UInt64(0x8000_ff00_0000_0006), 0x8000_ff00_ffff_0000,
        ])
    func softwareCode(_ status: UInt64) throws {
        let td = try create()
        machine.arm(.mngKeyConfig, .answer(status))
        var registers = Registers(rcx: td.page.rawValue)
        let error = #expect(throws: PortError.self) { try shim.call(.mngKeyConfig, &registers, on: first) }
        #expect(error?.fault == .badAnswer)
        #expect(error?.reason == .outcomeUnknown)
    }

    @Test("A processor that is not there is refused by the shim")
    func processor() throws {
        let td = try create()
        var registers = Registers(rcx: td.page.rawValue)
        let error = #expect(throws: PortError.self) {
            try shim.call(.mngKeyConfig, &registers, on: Processor(rawValue: 99))
        }
        #expect(error?.fault == .noSuchProcessor)
    }

    @Test("When the KeyIDs are gone, it is exhausted and not broken")
    func exhausted() throws {
        var count = 0
        var last: PortError?
        while last == nil, count < 100 {
            do { _ = try shim.allocateKeyID() } catch { last = error }
            count += 1
        }
        #expect(last?.reason == .exhausted)
        #expect(last?.fault == .full)
    }
}

/// True so many times.
final class Countdown: Sendable {
    private let left: Locked<Int>

    init(_ count: Int) { left = Locked(count) }

    func next() -> Bool {
        left.withLock { left in
            left -= 1
            return left >= 0
        }
    }
}
