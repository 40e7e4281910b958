internal import ArgumentParser

/// How the process ends; the numbers are those of sysexits.h where it has one for the case.
enum ExitStatus: Int32, Sendable {
    case success = 0
    // Of `lab verify`.
    case verificationFailed = 1
    case verificationDiffers = 2
    /// A flag or argument is wrong.
    case usage = 64
    /// What executes SEAMCALLs cannot be had.
    case backendUnavailable = 69
    case internalError = 70
    /// The socket's file cannot be made.
    case cannotCreateSocket = 73
    /// A listener cannot listen.
    case cannotListen = 74
    /// Operations were still running when the drain timeout passed.
    case drainIncomplete = 75
    /// The environment, the configuration file or a file that they name is wrong; also one that a flag names.
    case configuration = 78

    // Of the kernel shim, each with something that can be done about it.

    case shimNoDevice = 80
    case shimNotPermitted = 81
    case shimOtherABI = 82
    case shimNoExports = 83
    case shimExportsRestricted = 84
    case shimNoPlatform = 85
    case shimNoModule = 86
    case shimNoEmulator = 87
    case shimInUse = 88
    case shimSessionFile = 89
    case shimFailing = 90
    /// A reclaim was stopped by a call that the module refused.
    case shimReclaimStuck = 91

    /// After a second signal: 128 and its number, as shells report a process that a signal ended.
    static func secondSignal(_ signal: Int32) -> Int32 { 128 + signal }

    /// For `--help`.
    static let explanation = """
        EXIT CODES
          0    drained and stopped after SIGTERM or SIGINT
          64   a flag or argument is wrong
          69   what executes SEAMCALLs cannot be had
          70   a bug in tdxd
          73   the socket's file cannot be made
          74   a listener cannot listen
          75   operations were still running when the drain timeout passed
          78   the environment, the configuration file or a file they name is wrong
          80   the kernel shim's device is not there: load its module
          81   the shim's device may not be opened: CAP_SYS_ADMIN is needed
          82   the shim speaks another version of the interface, or is none
          83   this kernel offers no SEAMCALL wrappers to modules
          84   this kernel keeps its SEAMCALL wrappers for KVM
          85   the processor or its firmware does not offer TDX
          86   the kernel has not brought the TDX module up
          87   the shim is built for emulation, and no emulator is attached
          88   another daemon has the shim's session
          89   the file with the shim's session cannot be used
          90   the shim fails, or answers what makes no sense
          91   'tdxd shim reclaim' was stopped by a call that the module refused
          130  stopped at once by a second SIGINT; 143 by a second SIGTERM
        """
}

/// An end with a reason for whoever started the process.
struct Failure: Error, Sendable {
    let status: ExitStatus
    let reason: String

    init(_ status: ExitStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    init(_ error: ConfigurationError) { self.init(error.exit, error.description) }
}
