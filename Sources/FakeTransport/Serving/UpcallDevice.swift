internal import CTDXShim
internal import Glibc
public import TDXCalls
internal import Threading

/// The kernel shim's emulation: calls that the shim is asked for come out here, and go on when they are answered.
///
/// Only a build of the kernel module for tests has it.
public final class UpcallDevice: Sendable {
    private let descriptor: Int32
    /// The machine's processors, with their packages.
    public let processors: [ProcessorInfo]
    private let served = Locked<UpcallService?>(nil)

    /// Threads that take calls: as many go on at the same time.
    static let threads = 8

    /// - Throws: ``TransportError`` if there is no device, somebody has it, or it may not be opened.
    public init() throws(TransportError) {
        // SAFETY: the path is read during the call.
        descriptor = unsafe open(TDX_SHIM_UPCALL_NODE, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TransportError("\(TDX_SHIM_UPCALL_NODE): \(Self.explanation(errno))")
        }
        do throws(TransportError) {
            processors = try Self.processors(descriptor)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Says what the module is that answers from now on.
    ///
    /// - Parameter fill: puts bytes at a physical address: what host memory holds that a call names.
    /// - Throws: ``TransportError`` if the kernel refuses it.
    public func attach(
        _ module: ServedModule, fill: @escaping @Sendable ([UInt8], UInt64) -> Void
    ) throws(TransportError) {
        var description = ModuleDescription.encode(module.host.module, retriesEntropy: module.calls.retriesEntropy)
        // SAFETY: the kernel reads as many bytes as the request's number says, which the description has.
        guard unsafe ioctl(descriptor, tdx_shim_attach_request(), &description) == 0 else {
            throw TransportError("\(TDX_SHIM_UPCALL_NODE): the kernel refuses the module: \(Self.explanation(errno))")
        }
        served.withLock { $0 = UpcallService(descriptor: descriptor, module, fill: fill) }
    }

    /// Answers on threads of its own, as long as the process lives.
    ///
    /// - Parameter onEnd: told why there are no more calls, on each of those threads.
    public func serve(onEnd: @escaping @Sendable (String) -> Void) {
        guard let service = served.withLock({ $0 }) else { preconditionFailure("the device was not attached") }
        // Not joined: they wait for the kernel.
        for _ in 0..<Self.threads { _ = Thread { [self] in withExtendedLifetime(self) { onEnd(service.run()) } } }
    }

    private static func processors(_ descriptor: Int32) throws(TransportError) -> [ProcessorInfo] {
        var found: [ProcessorInfo] = []
        var cursor: UInt32 = 0
        repeat {
            var list = tdx_shim_processors()
            list.size = UInt32(MemoryLayout<tdx_shim_processors>.size)
            list.cursor = cursor
            // SAFETY: the kernel fills the structure whose size the request's number says.
            guard unsafe ioctl(descriptor, tdx_shim_get_processors_request(), &list) == 0 else {
                throw TransportError("\(TDX_SHIM_UPCALL_NODE): its processors cannot be read: \(explanation(errno))")
            }
            guard list.count <= UInt32(TDX_SHIM_PROCESSORS_MAX) else {
                throw TransportError("\(TDX_SHIM_UPCALL_NODE): more processors than fit a list")
            }
            // SAFETY: the field is an array of as many processors.
            unsafe withUnsafeBytes(of: &list.processor) { bytes in
                let processors = unsafe bytes.bindMemory(to: tdx_shim_processor.self)
                for index in 0..<Int(list.count) {
                    let info = unsafe processors[index]
                    found.append(
                        ProcessorInfo(
                            processor: Processor(rawValue: info.processor), package: Package(rawValue: info.package)))
                }
            }
            guard list.cursor == TDX_SHIM_ANY_PROCESSOR || list.cursor > cursor else {
                throw TransportError("\(TDX_SHIM_UPCALL_NODE): its list of processors does not go on")
            }
            cursor = list.cursor
        } while cursor != TDX_SHIM_ANY_PROCESSOR
        return found
    }

    private static func explanation(_ number: Int32) -> String {
        switch number {
        case ENOENT: "there is no such device: the kernel module is not loaded, or was built without emulation"
        case EACCES, EPERM: "permission denied"
        case EBUSY: "another emulator has it"
        case ENODEV: "there is no back end"
        default: "errno \(number)"
        }
    }
}

/// Reads requests and writes replies, on any number of threads.
final class UpcallService: Sendable {
    private let descriptor: Int32
    private let module: ServedModule
    private let fill: @Sendable ([UInt8], UInt64) -> Void
    /// Held while a request is read, and what is a notice is done: notices must not be overtaken by what comes later.
    private let reading = Locked(())

    /// - Parameter descriptor: gives one whole request a read; not closed here.
    init(descriptor: Int32, _ module: ServedModule, fill: @escaping @Sendable ([UInt8], UInt64) -> Void) {
        self.descriptor = descriptor
        self.module = module
        self.fill = fill
    }

    /// - Returns: why there are no more requests.
    func run() -> String {
        while true {
            let request: ModuleRequest
            switch next() {
            case .end(let reason): return reason
            case .notice: continue
            case .call(let call): request = call
            }
            // Without an answer the kernel takes the outcome for unknown, and so it is.
            guard let reply = reply(to: request)?.bytes else { continue }
            var written: Int
            repeat {
                // SAFETY: the bytes are read during the call.
                written = unsafe write(descriptor, reply, reply.count)
            } while written < 0 && errno == EINTR
            // ENOENT: nobody waits for it any more.
            if written < 0, errno != ENOENT { return "a reply cannot be written: errno \(errno)" }
        }
    }

    private enum Next {
        case call(ModuleRequest)
        case notice
        case end(String)
    }

    private func next() -> Next {
        reading.withLock { _ in
            var buffer = [UInt8](repeating: 0, count: MessageLimits.bytesMax)
            var count: Int
            repeat {
                // SAFETY: as many bytes as the array has.
                count = unsafe read(descriptor, &buffer, buffer.count)
            } while count < 0 && errno == EINTR
            guard count > 0 else { return .end(count == 0 ? "the device is closed" : "errno \(errno)") }
            do throws(MessageFault) {
                let request = try ModuleRequest(buffer[..<count])
                if request.kind == .call { return .call(request) }
                heed(request)
                return .notice
            } catch {
                return .end(error.reason)
            }
        }
    }

    /// The kernel hands out its own pages: only what became of their contents matters to the module.
    private func heed(_ notice: ModuleRequest) {
        if notice.kind == .pageCleared { module.host.clear(PageAddress(rawValue: notice.registers.rcx)) }
    }

    func reply(to request: ModuleRequest) -> ModuleReply? {
        if !request.payload.isEmpty { fill(Array(request.payload), request.memory) }
        if request.flushed != 0 { module.host.flush(PageAddress(rawValue: request.flushed)) }
        var registers = Registers(request.registers)
        // `try?`: there is no word for it here; what the kernel does with silence is right.
        guard
            let completion = try? module.calls.call(
                Leaf(rawValue: request.rax), &registers, on: Processor(rawValue: request.processor))
        else { return nil }
        var reply = ModuleReply(to: request)
        reply.rax = completion.rawValue
        reply.registers = SixRegisters(registers)
        return reply
    }
}
