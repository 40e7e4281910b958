import FakeTDX
import Glibc
import TDXCalls
import Testing
import Threading

@testable import FakeTransport

/// A socket pair stands for the device: both give one whole message a read.
@Suite("Up-calls of the kernel shim")
struct UpcallTests {
    private let fake: FakeTDX
    private let kernel: MessageSocket
    private let device: MessageSocket
    private let service: UpcallService

    init() throws {
        fake = try FakeTDX()
        var ends: [Int32] = [-1, -1]
        // SAFETY: the call writes two descriptors.
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else {
            throw TransportError("no socket pair")
        }
        kernel = MessageSocket(descriptor: ends[0])
        device = MessageSocket(descriptor: ends[1])
        let module = try ServedModule(calls: fake, host: fake, platform: [])
        service = UpcallService(descriptor: device.descriptor, module) { [fake] bytes, address in
            fake.writePhysical(bytes, at: address)
        }
    }

    private func ask(_ request: ModuleRequest) throws -> ModuleReply {
        #expect(kernel.send(request.bytes) == nil)
        guard case .message(let bytes) = kernel.receive() else { throw TransportError("no reply") }
        #expect(bytes.count == ModuleReply.headBytes)
        return try ModuleReply(bytes[...])
    }

    private func request(_ leaf: Leaf, _ rcx: UInt64, _ rdx: UInt64 = 0, on processor: UInt32 = 0) -> ModuleRequest {
        var request = ModuleRequest(.call, sequence: rcx ^ rdx ^ leaf.rawValue)
        request.rax = leaf.rawValue
        request.registers.rcx = rcx
        request.registers.rdx = rdx
        request.processor = processor
        return request
    }

    @Test("a TD is built by calls whose pages the kernel hands out, with the parameters they bring along")
    func calls() throws {
        let threads = (0..<2).map { _ in Thread { _ = service.run() } }
        defer {
            kernel.shutDown()
            for thread in threads { thread.join() }
        }
        let tdr: UInt64 = 0x1_2345_6000
        var create = request(.mngCreate, tdr, 33)
        create.flushed = tdr
        let created = try ask(create)
        #expect(created.sequence == create.sequence)
        #expect(created.rax == 0)
        for processor: UInt32 in [0, 2] { #expect(try ask(request(.mngKeyConfig, tdr, on: processor)).rax == 0) }
        for page in 1...6 { #expect(try ask(request(.mngAddCX, tdr + UInt64(page) << 12, tdr)).rax == 0) }
        var initialize = request(.mngInit, tdr, 0x1_3000_0400)
        initialize.memory = 0x1_3000_0400
        initialize.payload = try TDParams(maxVCPUs: 3, tscFrequency: 100).encoded()[...]
        #expect(try ask(initialize).rax == 0)
        let field = try #require(FieldInfo.named("MAX_VCPUS", in: .td)?.id.rawValue)
        let read = try ask(request(.mngRD, tdr, field))
        #expect(read.rax == 0)
        #expect(read.registers.r8 == 3)
        let refused = try ask(request(.mngCreate, tdr, 33))
        #expect(Completion(rawValue: refused.rax).isError)
    }

    @Test("a notice has no reply, and is done before what comes after it")
    func notices() throws {
        let threads = (0..<4).map { _ in Thread { _ = service.run() } }
        defer {
            kernel.shutDown()
            for thread in threads { thread.join() }
        }
        fake.writePhysical([1, 2, 3], at: 0x1_2345_6000)
        var cleared = ModuleRequest(.pageCleared, sequence: 1)
        cleared.registers.rcx = 0x1_2345_6000
        #expect(kernel.send(cleared.bytes) == nil)
        #expect(kernel.send(ModuleRequest(.pageAllocated, sequence: 2).bytes) == nil)
        #expect(try ask(request(.phymemPageRDMD, 0x1_2345_6000)).rax == 0)
        #expect(fake.readPhysical(at: 0x1_2345_6000, count: 3) == [0, 0, 0])
    }

    @Test("what is no request ends the service, with the reason")
    func nonsense() throws {
        #expect(kernel.send([1, 2, 3]) == nil)
        #expect(service.run() == "a message ends too early")
    }
}
