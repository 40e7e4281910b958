import CTDXShim
import FakeTDX
import Glibc
import KernelShim
import TDXCalls
import Testing
import Threading

@Suite("Opening the shim")
struct OpeningTests {
    let machine: Machine

    init() throws { machine = try Machine() }

    private func failure(_ device: any ShimDevice) -> ShimUnavailable? {
        #expect(throws: ShimUnavailable.self) { try KernelShim(device) { _ in } }
    }

    @Test(
        "Why there is no back end is told from each other",
        arguments: [
            (TDX_SHIM_REASON_NO_EXPORTS, ShimUnavailable.noExports),
            (TDX_SHIM_REASON_EXPORTS_RESTRICTED, .exportsRestricted), (TDX_SHIM_REASON_NO_PLATFORM, .noPlatform),
            (TDX_SHIM_REASON_NO_MODULE, .noModule), (TDX_SHIM_REASON_NO_EMULATOR, .noEmulator),
            (tdx_shim_reason(rawValue: 9), .noBackend(reason: 9)),
        ])
    func reasons(_ reason: tdx_shim_reason, _ expected: ShimUnavailable) {
        machine.say(backend: TDX_SHIM_BACKEND_NONE, reason: reason)
        #expect(failure(machine.open()) == expected)
    }

    @Test("A shim of another version is refused, whether it says so or does not understand us")
    func version() {
        machine.say(backend: TDX_SHIM_BACKEND_UPCALL, abi: 2)
        #expect(failure(machine.open()) == .otherABI(version: 2))
        for code in [ENOTTY, EINVAL] {
            let device = machine.open()
            device.before.withLock { $0 = { _ in code } }
            #expect(failure(device) == .otherABI(version: nil))
        }
    }

    @Test("No device, and one that may not be opened")
    func device() {
        #expect(throws: ShimUnavailable.noDevice(path: "/nowhere/tdx_shim", errorNumber: ENOENT)) {
            try DeviceFile(path: "/nowhere/tdx_shim")
        }
        #expect(throws: ShimUnavailable.otherABI(version: nil)) {
            try KernelShim(DeviceFile(path: "/dev/null")) { _ in }
        }
    }

    @Test("Nothing is executed and nothing allocated only to open the shim")
    func harmless() throws {
        let device = machine.open()
        let asked = Locked<Set<UInt>>([])
        device.before.withLock {
            $0 = { (number: UInt) -> Int32 in
                asked.withLock { _ = $0.insert(number) }
                return 0
            }
        }
        let shim = try KernelShim(device) { _ in }
        #expect(shim.backend == .upCall)
        #expect(
            asked.withLock { $0 } == [
                tdx_shim_get_info_request(), tdx_shim_get_module_request(), tdx_shim_get_processors_request(),
            ])
    }

    // MARK: Hostile answers

    @Test("Information about the module that cannot be is not believed", arguments: 0..<6)
    func module(_ lie: Int) throws {
        let machine = try Machine { module in
            switch lie {
            case 0: module.tdcs_pages = 0
            case 1: module.tdvps_pages = 1000
            case 2: module.keyid_shift = 63
            case 3: module.nr_cpuid = 129
            case 4: module.first_keyid = module.last_keyid + 1
            default: module.tdcs_pages_per_l2_vm = .max
            }
        }
        guard case .failing(let error) = failure(machine.open()) else {
            Issue.record("it was believed")
            return
        }
        #expect(error.fault == .badAnswer)
    }

    @Test("Processors out of order, without an end, or none at all", arguments: 0..<4)
    func processors(_ lie: Int) {
        let device = machine.open()
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_get_processors_request()) { (list: inout tdx_shim_processors) in
                switch lie {
                case 0: list.processor.1.processor = list.processor.0.processor
                case 1: list.cursor = 0
                case 2: list.count = 65
                default:
                    list.count = 0
                    list.cursor = TDX_SHIM_ANY_PROCESSOR
                }
            }
        }
        guard case .failing(let error) = failure(device) else {
            Issue.record("it was believed")
            return
        }
        #expect(error.fault == .badAnswer)
    }

    @Test("A field that is 0 is not known, and does no harm")
    func unknownFields() throws {
        let machine = try Machine { module in
            module.first_keyid = 0
            module.last_keyid = 0
            module.global_keyid = 0
            module.keyid_shift = 0
            module.major_version = 0
        }
        let shim = try KernelShim(machine.open()) { _ in }
        #expect(shim.capacity.keyIDs == nil)
        let keyID = try shim.allocateKeyID()
        shim.freeKeyID(keyID)
    }

    @Test("Allocated objects that contradict what is there are not believed, and given back", arguments: 0..<4)
    func objects(_ lie: Int) throws {
        let device = machine.open()
        let shim = try KernelShim(device) { _ in }
        let first = try shim.allocatePage()
        let pages = machine.pagesOut
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_alloc_request()) { (object: inout tdx_shim_object) in
                switch lie {
                case 0: object.entry.number = first.rawValue
                case 1: object.entry.number = 0x1001
                case 2: object.entry.number = 1 << 60
                default: object.entry.handle &= 0xffff_ffff
                }
            }
        }
        let error = #expect(throws: PortError.self) { try shim.allocatePage() }
        #expect(error?.fault == .badAnswer)
        #expect(error?.reason == .notExecuted)
        device.after.withLock { $0 = nil }
        if lie < 3 { #expect(machine.pagesOut == pages) }
    }

    @Test("A shown address of 0 gets one of ours, the same as long as the page is there")
    func madeUpAddresses() throws {
        let device = machine.open()
        let shim = try KernelShim(device) { _ in }
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_alloc_request()) { (object: inout tdx_shim_object) in
                object.entry.number = 0
            }
        }
        let pages = try (0..<8).map { _ in try shim.allocatePage() }
        #expect(Set(pages).count == 8)
        for page in pages { #expect(page.rawValue >> UInt64(shim.module.keyIDShift) == 0 && page.rawValue % 4096 == 0) }
        for page in pages { shim.free(page) }
        #expect(try pages.contains(shim.allocatePage()))
    }

    @Test("A call that ran elsewhere, or whose outputs make no sense, is not believed", arguments: 0..<3)
    func call(_ lie: Int) throws {
        let device = machine.open()
        let shim = try KernelShim(device) { _ in }
        let page = try shim.allocatePage()
        device.after.withLock {
            $0 = CoreSession.Change(tdx_shim_seamcall_request()) { (call: inout tdx_shim_call) in
                switch lie {
                case 0: call.ran_on = 1
                case 1: call.output_kind.1 = 9
                default:
                    call.output_kind.1 = UInt8(TDX_SHIM_OUTPUT_OBJECT.rawValue)
                    call.output.1 = 0xdead_0000_0001
                }
            }
        }
        var registers = Registers(rcx: page.rawValue)
        let error = #expect(throws: PortError.self) {
            try shim.call(.phymemPageRDMD, &registers, on: Processor(rawValue: 0))
        }
        #expect(error?.fault == .badAnswer)
        #expect(error?.reason == .outcomeUnknown)
    }
}
