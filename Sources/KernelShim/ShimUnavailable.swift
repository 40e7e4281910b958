public import TDXCalls

/// Why the shim cannot be had. Each is something that somebody can do something about.
public enum ShimUnavailable: Error, Hashable, Sendable {
    case noDevice(path: String, errorNumber: Int32)
    case notPermitted(path: String, errorNumber: Int32)
    /// Nil where the device does not understand the question.
    case otherABI(version: UInt32?)
    case noExports
    case exportsRestricted
    case noPlatform
    case noModule
    case noEmulator
    /// No back end, for a reason that is newer than we are.
    case noBackend(reason: UInt32)
    /// Another daemon is still there, with the session that our file names.
    case sessionInUse(session: UInt64)
    /// The file with the session cannot be used.
    case sessionFile(path: String, reason: String)
    /// The device fails, or answers what makes no sense.
    case failing(PortError)
}

extension ShimUnavailable: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noDevice(let path, let code):
            "there is no kernel shim at \(path) (\(ErrorNumber.text(code))): load its module (modprobe tdx_shim), "
                + "or name the device with --shim-device; --module fake runs without TDX"
        case .notPermitted(let path, let code):
            "\(path) may not be opened (\(ErrorNumber.text(code))): the shim wants CAP_SYS_ADMIN, a node that this "
                + "user may read and write, and a kernel that is not locked down"
        case .otherABI(let version?):
            "the kernel's shim speaks version \(version) of the interface, and this tdxd version "
                + "\(ShimABI.version): install the module and tdxd of the same release"
        case .otherABI(nil):
            "the device does not understand version \(ShimABI.version) of the shim's interface: it is another "
                + "version's, or no shim; install the module and tdxd of the same release"
        case .noExports:
            "this kernel offers no SEAMCALL wrappers to modules: Linux 6.16 to 6.18 do, built with TDX for hosts"
        case .exportsRestricted:
            "this kernel keeps its SEAMCALL wrappers for KVM's own modules, as Linux does from 6.19 on: use Linux "
                + "6.16 to 6.18, or a kernel whose export list names the shim"
        case .noPlatform:
            "the processor or its firmware does not offer TDX: enable TDX, and memory encryption with several keys, in "
                + "the firmware's setup"
        case .noModule:
            "the kernel has not brought the TDX module up: load kvm_intel with tdx=1, and see the kernel's log"
        case .noEmulator:
            "the shim is built for emulation, and no emulator is attached: start 'tdxd fake-module --serve up-call' "
                + "first"
        case .noBackend(let reason):
            "the shim has no way to the TDX module, for a reason that this tdxd does not know (\(reason)): see the "
                + "kernel's log"
        case .sessionInUse(let session):
            "the shim's session \(session), which this daemon is to take over, is still open: another tdxd runs with "
                + "the same state directory; stop that one first"
        case .sessionFile(let path, let reason):
            "the file with the shim's session, \(path), cannot be used: \(reason)"
        case .failing(let error):
            "the kernel shim fails: \(error.explanation)"
        }
    }
}

enum ShimABI {
    static let version: UInt32 = 1
}
