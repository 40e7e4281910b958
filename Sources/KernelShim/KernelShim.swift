internal import CTDXShim
public import TDXCalls
internal import Threading

/// Both ports on the kernel shim's device.
///
/// Everything above speaks of addresses and KeyIDs; the shim knows handles. They are translated here and nowhere else, and
/// no address goes to the kernel. What the device answers is checked before it is believed.
///
/// What a host owes the module besides calls is done in the kernel: a page that a leaf takes is flushed there, one that
/// comes back is erased there before it is used otherwise.
public final class KernelShim: Sendable {
    let device: any ShimDevice
    public let processors: [ProcessorInfo]
    public let module: ModuleInformation
    public let capacity: HostCapacity
    /// How calls reach the module.
    public let backend: Backend
    /// This session: what a daemon after us needs to take over what the module holds.
    public let session: SessionKey
    public let retriesEntropy: Bool
    /// Whether every output register comes back, or only those that the kernel's wrapper has a name for.
    public let reportsAllOutputs: Bool
    /// Told of what cannot be answered otherwise: something that could not be given back.
    let onTrouble: @Sendable (PortError) -> Void
    let knownProcessors: Set<UInt32>
    let addresses: Locked<Addresses>

    public enum Backend: Hashable, Sendable {
        /// The kernel's own wrappers.
        case exports
        /// The bare instruction.
        case instruction
        /// A program that plays the module: tests.
        case upCall
    }

    /// - Throws: if the device cannot be used, with what to do about it.
    public init(
        _ device: any ShimDevice, onTrouble: @escaping @Sendable (PortError) -> Void
    ) throws(ShimUnavailable) {
        self.device = device
        self.onTrouble = onTrouble
        let info = try Self.information(of: device)
        backend = try Self.backend(info)
        session = SessionKey(info)
        do throws(PortError) {
            processors = try Self.processors(of: device)
            let module = try Self.module(of: device, info)
            self.module = module.information
            retriesEntropy = module.retriesEntropy
            reportsAllOutputs = !module.namesOutputs
            capacity = HostCapacity(
                keyIDs: module.keyIDs, pages: Int(info.pages_max),
                source: module.sharesKeyIDs ? .kernelAllocator : .ledger)
        } catch {
            throw .failing(error)
        }
        knownProcessors = Set(processors.map(\.processor.rawValue))
        addresses = Locked(Addresses(keyIDShift: module.keyIDShift))
    }

    static func information(of device: any ShimDevice) throws(ShimUnavailable) -> tdx_shim_info {
        var info = tdx_shim_info.blank
        do throws(PortError) {
            try device.perform(tdx_shim_get_info_request(), &info, "ask the shim who it is")
        } catch {
            // Another version has other sizes, and so other request numbers.
            if error.fault == .malformed || error.isUnknownRequest { throw .otherABI(version: nil) }
            throw .failing(error)
        }
        guard info.abi_version == ShimABI.version else { throw .otherABI(version: info.abi_version) }
        return info
    }

    private static func backend(_ info: tdx_shim_info) throws(ShimUnavailable) -> Backend {
        switch info.backend {
        case TDX_SHIM_BACKEND_EXPORTS.rawValue: return .exports
        case TDX_SHIM_BACKEND_INSTRUCTION.rawValue: return .instruction
        case TDX_SHIM_BACKEND_UPCALL.rawValue: return .upCall
        case TDX_SHIM_BACKEND_NONE.rawValue: break
        default: throw .failing(.badAnswer("back end \(info.backend)"))
        }
        switch info.reason {
        case TDX_SHIM_REASON_NO_EXPORTS.rawValue: throw .noExports
        case TDX_SHIM_REASON_EXPORTS_RESTRICTED.rawValue: throw .exportsRestricted
        case TDX_SHIM_REASON_NO_PLATFORM.rawValue: throw .noPlatform
        case TDX_SHIM_REASON_NO_MODULE.rawValue: throw .noModule
        case TDX_SHIM_REASON_NO_EMULATOR.rawValue: throw .noEmulator
        default: throw .noBackend(reason: info.reason)
        }
    }
}

/// What proves that a session was ours.
public struct SessionKey: Hashable, Sendable {
    public let number: UInt64
    public let token: [UInt64]

    public init(number: UInt64, token: [UInt64]) {
        self.number = number
        self.token = token
    }

    init(_ info: tdx_shim_info) {
        number = info.session
        token = [info.token.0, info.token.1]
    }
}
