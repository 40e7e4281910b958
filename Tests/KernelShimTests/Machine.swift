import CTDXShim
import FakeTDX
import Glibc
import KernelShim
import ShimCore
import TDXCalls
import TestFolders
import Threading

/// A machine with the shim in it: the shim's own core, compiled for user space, and the fake as the TDX module.
@safe final class Machine: @unchecked Sendable {
    // SAFETY of all uses: the core calls back only while the machine lives, with what was given to it, and what a call
    // points at lives through the call.
    let fake: FakeTDX
    /// What shall become of a call instead of, or after, being executed.
    enum Mishap: Sendable {
        /// Not executed, with this error number of the shim's.
        case refused(Int32)
        /// Not executed, or executed and not answered.
        case fault(tdx_shim_fault, executed: Bool)
        /// Answered with this instead.
        case answer(UInt64)
    }

    private let mishaps = Locked<[UInt16: [Mishap]]>([:])
    /// How often each leaf was executed.
    private let executed = Locked<[UInt16: Int]>([:])
    /// What the kernel has given to the shim and not got back.
    private let out = Locked((pages: 0, keyIDs: 0))
    var pagesOut: Int { out.withLock { $0.pages } }
    var keyIDsOut: Int { out.withLock { $0.keyIDs } }
    private let core: OpaquePointer

    init(
        _ platform: FakePlatform = .oracle, flags: [tdx_shim_module_flags] = [TDX_SHIM_MODULE_SHARED_KEYIDS],
        pagesMax: UInt32 = 4096, module change: (inout tdx_shim_module) -> Void = { _ in }
    ) throws {
        fake = try FakeTDX(platform: platform)
        var module = tdx_shim_module(fake.module, flags: flags)
        change(&module)
        // SAFETY: the core calls back with the context only while the machine lives: it is freed in deinit.
        let box = unsafe Unmanaged.passRetained(Box())
        unsafe self.box = box
        var host = unsafe core_host(
            context: unsafe box.toOpaque(),
            page_alloc: { unsafe Machine.at($0).allocatePage($1) },
            page_free: { unsafe Machine.at($0).freePage($1, erase: $2) },
            keyid_alloc: { unsafe Machine.at($0).allocateKeyID($1) },
            keyid_free: { unsafe Machine.at($0).freeKeyID($1) },
            execute: { unsafe Machine.at($0).execute($1) })
        guard
            let core = unsafe core_machine_new(&host, &module, UInt32(platform.processors.count), pagesMax)
        else { throw NoMachine() }
        unsafe self.core = core
        unsafe box.takeUnretainedValue().machine = self
    }

    struct NoMachine: Error {}

    private final class Box {
        weak var machine: Machine?
    }

    private let box: Unmanaged<Box>

    deinit {
        // SAFETY: the last user of both.
        unsafe core_machine_free(core)
        unsafe box.release()
    }

    private static func at(_ context: UnsafeMutableRawPointer?) -> Machine {
        // SAFETY: the context is the box that was given with the functions.
        guard let context = unsafe context,
            let machine = unsafe Unmanaged<Box>.fromOpaque(context).takeUnretainedValue().machine
        else { fatalError("a machine that is gone was called") }
        return machine
    }

    // MARK: For tests

    func open() -> CoreSession {
        // SAFETY: the machine lives as long as the session, which holds it.
        guard let session = unsafe core_session_open(core) else { fatalError("no session") }
        return unsafe CoreSession(self, session)
    }

    func say(backend: tdx_shim_backend, reason: tdx_shim_reason = TDX_SHIM_REASON_NONE, abi: UInt32 = 1) {
        // SAFETY: the machine is there; so below.
        unsafe core_machine_backend(core, backend.rawValue, reason.rawValue, abi)
    }

    func doubtAll() { unsafe core_machine_doubt_all(core, UInt16(TDX_SHIM_DOUBT_EMULATOR.rawValue)) }

    /// The next call of the leaf that has none yet goes wrong.
    func arm(_ leaf: Leaf, _ mishap: Mishap) {
        mishaps.withLock { $0[leaf.number, default: []].append(mishap) }
    }

    func count(_ leaf: Leaf) -> Int { executed.withLock { $0[leaf.number, default: 0] } }

    // MARK: What the kernel does

    private func allocatePage(_ address: UnsafeMutablePointer<UInt64>?) -> Int32 {
        guard let page = try? fake.allocatePage() else { return -ENOMEM }  // The fake has no other reason.
        out.withLock { $0.pages += 1 }
        unsafe address?.pointee = page.rawValue
        return 0
    }

    private func freePage(_ address: UInt64, erase: Bool) {
        if erase { fake.clear(PageAddress(rawValue: address)) }
        fake.free(PageAddress(rawValue: address))
        out.withLock { $0.pages -= 1 }
    }

    private func allocateKeyID(_ number: UnsafeMutablePointer<UInt16>?) -> Int32 {
        guard let keyID = try? fake.allocateKeyID() else { return -ENOSPC }  // The fake has no other reason.
        out.withLock { $0.keyIDs += 1 }
        unsafe number?.pointee = keyID.rawValue
        return 0
    }

    private func freeKeyID(_ number: UInt16) {
        fake.freeKeyID(KeyID(rawValue: number))
        out.withLock { $0.keyIDs -= 1 }
    }

    private func execute(_ pointer: UnsafeMutablePointer<core_call>?) -> Int32 {
        guard var call = unsafe pointer?.pointee else { return -EFAULT }
        defer { unsafe pointer?.pointee = unsafe call }
        let number = unsafe call.leaf
        let mishap = mishaps.withLock { mishaps -> Mishap? in
            mishaps[number]?.isEmpty == false ? mishaps[number]?.removeFirst() : nil
        }
        switch mishap {
        case .refused(let code)?: return -code
        case .fault(let fault, false)?:
            unsafe call.fault = fault.rawValue
            return 0
        case .answer(let status)?:
            unsafe call.status = status
            return 0
        case .fault(_, true)?, nil: break
        }
        if unsafe call.flush != 0 { fake.flush(PageAddress(rawValue: unsafe call.flush)) }
        var registers = unsafe Registers(
            rcx: call.in.0, rdx: call.in.1, r8: call.in.2, r9: call.in.3, r10: call.in.4, r11: call.in.5)
        let leaf = unsafe Leaf(call.leaf, version: call.version)
        if leaf.number == Leaf.phymemPageWBINVD.number {
            let keyID = unsafe call.wbinvd_global ? fake.module.globalKeyID.rawValue : call.wbinvd_keyid
            registers.rcx |= UInt64(keyID) << UInt64(fake.module.keyIDShift)
        }
        let source = unsafe copy(of: call)
        defer { if let source { fake.freeMemory(source) } }
        if let source, leaf == .mngInit { registers.rdx = source.address }
        if let source, leaf == .memPageAdd { registers.r9 = source.address }
        executed.withLock { $0[leaf.number, default: 0] += 1 }
        guard
            let completion = try? fake.call(leaf, &registers, on: Processor(rawValue: unsafe call.processor))
        else { return -EOPNOTSUPP }  // The fake lacks the leaf.
        unsafe call.status = completion.rawValue
        unsafe call.out = (registers.rcx, registers.rdx, registers.r8, registers.r9, registers.r10, registers.r11)
        if case .fault(let fault, true)? = mishap { unsafe call.fault = fault.rawValue }
        return 0
    }

    /// What the call reads of host memory, as memory of the fake's.
    private func copy(of call: core_call) -> HostMemory? {
        let bytes = unsafe Int(call.memory_bytes)
        guard let start = unsafe call.memory, let memory = try? fake.allocateMemory(bytes: bytes)
        else { return nil }  // Then the call says so.
        fake.write(unsafe Array(UnsafeRawBufferPointer(start: start, count: bytes)), to: memory, at: 0)
        return memory
    }
}

/// The device as one program has it open.
@safe final class CoreSession: ShimDevice, @unchecked Sendable {
    // SAFETY of all uses: the session is the machine's, which it holds, and is closed once.
    private let machine: Machine
    private let session: OpaquePointer
    private let isOpen = Locked(true)
    /// Asked before each request: an error number to answer with, or a change of what comes back.
    let before = Locked<(@Sendable (UInt) -> Int32)?>(nil)
    let after = Locked<Change?>(nil)

    /// Makes something else of what the device has answered.
    @safe struct Change: Sendable {
        let apply: @Sendable (UInt, UnsafeMutableRawPointer) -> Void

        /// - Parameter number: of the request.
        init<Argument>(_ number: UInt, _ change: @escaping @Sendable (inout Argument) -> Void) {
            unsafe apply = { given, argument in
                // SAFETY: a request's number says what its argument is.
                if given == number { unsafe change(&argument.assumingMemoryBound(to: Argument.self).pointee) }
            }
        }
    }

    fileprivate init(_ machine: Machine, _ session: OpaquePointer) {
        self.machine = machine
        unsafe self.session = session
    }

    deinit { close() }

    /// As when the program ends, however it does.
    func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        // SAFETY: closed once.
        if wasOpen { unsafe core_session_close(machine.handle, session) }
    }

    func request(_ number: UInt, _ argument: UnsafeMutableRawPointer) -> Int32 {
        guard isOpen.withLock({ $0 }) else { return EBADF }
        if let code = before.withLock({ $0 })?(number), code != 0 { return code }
        // SAFETY: the argument is the request's.
        let code = unsafe core_session_request(machine.handle, session, number, argument)
        if code == 0, let change = after.withLock({ $0 }) { unsafe change.apply(number, argument) }
        return code
    }

    func map(offset: UInt64, bytes: Int) -> (start: UnsafeMutableRawPointer?, errorNumber: Int32) {
        // SAFETY: the core's memory lives until it is freed, which the shim does after it has unmapped it.
        let start = unsafe core_session_map(machine.handle, session, offset)
        return unsafe (start, start == nil ? ENOENT : 0)
    }

    func unmap(_ start: UnsafeMutableRawPointer, bytes: Int) {}
}

extension Machine {
    // SAFETY: whoever has the machine may use its core.
    fileprivate var handle: OpaquePointer { unsafe core }
}

extension tdx_shim_module {
    init(_ module: ModuleInformation, flags: [tdx_shim_module_flags]) {
        self.init()
        self.flags = flags.reduce(0) { $0 | $1.rawValue }
        major_version = module.majorVersion
        minor_version = module.minorVersion
        update_version = module.updateVersion
        build_number = module.buildNumber
        build_date = module.buildDate
        global_keyid = module.globalKeyID.rawValue
        first_keyid = module.privateKeyIDs.lowerBound.rawValue
        last_keyid = module.privateKeyIDs.upperBound.rawValue
        keyid_shift = module.keyIDShift
        features0 = module.features0
        tdcs_pages = UInt32(module.tdcsPages)
        tdcs_pages_per_l2_vm = UInt32(module.tdcsPagesPerL2VM)
        tdvps_pages = UInt32(module.tdvpsPages)
        tdvps_pages_per_l2_vm = UInt32(module.tdvpsPagesPerL2VM)
        attributes_fixed0 = module.attributesFixed0
        attributes_fixed1 = module.attributesFixed1
        xfam_fixed0 = module.xfamFixed0
        xfam_fixed1 = module.xfamFixed1
        config_flags_fixed0 = module.configFlagsFixed0
        config_flags_fixed1 = module.configFlagsFixed1
        tsc_khz = UInt32(module.tscFrequencyKHz)
        nr_cpuid = UInt32(module.cpuidConfig.count)
        // SAFETY: the array has room for 128 of them.
        unsafe withUnsafeMutableBytes(of: &cpuid) { bytes in
            for (place, entry) in module.cpuidConfig.enumerated() {
                unsafe bytes.storeBytes(
                    of: tdx_shim_cpuid(
                        leaf: entry.leaf, subleaf: entry.subleaf, eax: entry.direct.eax, ebx: entry.direct.ebx,
                        ecx: entry.direct.ecx, edx: entry.direct.edx),
                    toByteOffset: place * MemoryLayout<tdx_shim_cpuid>.stride, as: tdx_shim_cpuid.self)
            }
        }
    }
}

/// A daemon over the machine: shim and engine, run by hand.
final class TestDaemon {
    let device: CoreSession
    let shim: KernelShim
    let adoption: Adoption
    let troubles: Locked<[PortError]>

    /// - Parameter file: where the session is written down.
    init(_ machine: Machine, _ file: SessionFile) throws {
        device = machine.open()
        let troubles = Locked<[PortError]>([])
        self.troubles = troubles
        shim = try KernelShim(device) { error in troubles.withLock { $0.append(error) } }
        adoption = try shim.takeOver(file)
    }
}

extension TemporaryFolder {
    var session: SessionFile { SessionFile(path: file("session")) }
}
