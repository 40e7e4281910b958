internal import CTDXShim
internal import Glibc
internal import TDXCalls

// What the shim says of the module and of the machine, checked.

struct ModuleReading {
    let information: ModuleInformation
    let keyIDs: ClosedRange<KeyID>?
    let retriesEntropy: Bool
    let namesOutputs: Bool
    let sharesKeyIDs: Bool
}

extension PortError {
    var isUnknownRequest: Bool { errorNumber == ENOTTY }
}

extension KernelShim {
    /// More logical processors than any machine has.
    private static let processorsMax = 65_536
    /// Where a KeyID begins if the shim does not say: above all address bits there can be.
    private static let keyIDShiftUnknown: UInt8 = 52
    private static let keyIDShifts: ClosedRange<UInt8> = 40...52

    static func processors(of device: any ShimDevice) throws(PortError) -> [ProcessorInfo] {
        var found: [ProcessorInfo] = []
        var request = tdx_shim_processors.blank
        while true {
            let cursor = request.cursor
            try device.perform(tdx_shim_get_processors_request(), &request, "ask for the processors")
            guard request.count <= UInt32(TDX_SHIM_PROCESSORS_MAX) else {
                throw .badAnswer("\(request.count) processors at once")
            }
            let batch = elements(of: request.processor, as: tdx_shim_processor.self, count: Int(request.count))
            for entry in batch {
                guard found.last.map({ $0.processor.rawValue < entry.processor }) ?? true,
                    entry.processor != TDX_SHIM_ANY_PROCESSOR, entry.processor >= cursor
                else { throw .badAnswer("processors that are not in order") }
                found.append(
                    ProcessorInfo(
                        processor: Processor(rawValue: entry.processor), package: Package(rawValue: entry.package)))
            }
            if request.cursor == TDX_SHIM_ANY_PROCESSOR { break }
            guard request.cursor > cursor, found.count <= processorsMax else {
                throw .badAnswer("a list of processors without an end")
            }
            let next = request.cursor
            request = .blank
            request.cursor = next
        }
        guard !found.isEmpty else { throw .badAnswer("no processor is online") }
        return found
    }

    static func module(of device: any ShimDevice, _ info: tdx_shim_info) throws(PortError) -> ModuleReading {
        var module = tdx_shim_module.blank
        try device.perform(tdx_shim_get_module_request(), &module, "ask for the TDX module's information")
        let control = (1...64) as ClosedRange<UInt32>
        guard control.contains(module.tdcs_pages), control.contains(module.tdvps_pages),
            module.tdcs_pages_per_l2_vm <= control.upperBound, module.tdvps_pages_per_l2_vm <= control.upperBound
        else { throw .badAnswer("\(module.tdcs_pages) TDCS pages and \(module.tdvps_pages) TDVPS pages") }
        guard module.keyid_shift == 0 || keyIDShifts.contains(module.keyid_shift) else {
            throw .badAnswer("KeyIDs that begin at bit \(module.keyid_shift)")
        }
        guard module.nr_cpuid <= UInt32(TDX_SHIM_CPUID_MAX) else { throw .badAnswer("\(module.nr_cpuid) CPUID leaves") }
        guard module.first_keyid <= module.last_keyid else {
            throw .badAnswer("KeyIDs \(module.first_keyid) to \(module.last_keyid)")
        }
        return reading(module, info)
    }

    private static func reading(_ module: tdx_shim_module, _ info: tdx_shim_info) -> ModuleReading {
        func has(_ flag: tdx_shim_module_flags) -> Bool { module.flags & flag.rawValue != 0 }
        let range = KeyID(rawValue: module.first_keyid)...KeyID(rawValue: module.last_keyid)
        let words = elements(of: info.leaf_bitmap, as: UInt64.self, count: 4)
        let carried = Operands.byLeaf.keys.filter { number in
            number < UInt16(TDX_SHIM_LEAVES) && words[Int(number) / 64] >> UInt64(number % 64) & 1 == 1
        }
        let cpuid = elements(of: module.cpuid, as: tdx_shim_cpuid.self, count: Int(module.nr_cpuid)).map { entry in
            CPUIDConfigEntry(
                leaf: entry.leaf, subleaf: entry.subleaf,
                direct: CPUIDValues(eax: entry.eax, ebx: entry.ebx, ecx: entry.ecx, edx: entry.edx))
        }
        let information = ModuleInformation(
            backend: "shim", majorVersion: module.major_version, minorVersion: module.minor_version,
            updateVersion: module.update_version, buildDate: module.build_date, buildNumber: module.build_number,
            features0: module.features0, globalKeyID: KeyID(rawValue: module.global_keyid), privateKeyIDs: range,
            keyIDShift: module.keyid_shift == 0 ? keyIDShiftUnknown : module.keyid_shift,
            tdcsPages: Int(module.tdcs_pages), tdcsPagesPerL2VM: Int(module.tdcs_pages_per_l2_vm),
            tdvpsPages: Int(module.tdvps_pages), tdvpsPagesPerL2VM: Int(module.tdvps_pages_per_l2_vm),
            attributesFixed0: module.attributes_fixed0, attributesFixed1: module.attributes_fixed1,
            xfamFixed0: module.xfam_fixed0, xfamFixed1: module.xfam_fixed1,
            configFlagsFixed0: module.config_flags_fixed0, configFlagsFixed1: module.config_flags_fixed1,
            cpuidConfig: cpuid, tscFrequencyKHz: UInt64(module.tsc_khz), leaves: Set(carried),
            hasVPInitX2APICID: has(TDX_SHIM_MODULE_VP_INIT_X2APIC))
        return ModuleReading(
            information: information, keyIDs: module.last_keyid == 0 ? nil : range,
            retriesEntropy: has(TDX_SHIM_MODULE_RETRIES_ENTROPY), namesOutputs: has(TDX_SHIM_MODULE_NAMED_OUTPUTS),
            sharesKeyIDs: has(TDX_SHIM_MODULE_SHARED_KEYIDS))
    }
}
