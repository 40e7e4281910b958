/// Failures of the SEAMCALL instruction and of the way to it: the module did not answer.
extension OwnError {
    public static let shimVMFailInvalid = OwnError(
        "shim-vmfailinvalid", 503, "The processor entered no TDX module",
        "SEAMCALL ended with the carry flag set: no module is loaded, or SEAM cannot be used.",
        remedy: "Load the TDX module; see the kernel's log.", origin: .shim)
    public static let shimGeneralProtection = OwnError(
        "shim-general-protection", 503, "SEAMCALL raised #GP",
        "The firmware has not enabled TDX on this processor.",
        remedy: "Enable TDX in the firmware's setup.", origin: .shim)
    public static let shimUndefinedInstruction = OwnError(
        "shim-undefined-instruction", 503, "SEAMCALL raised #UD",
        "The processor is not in VMX operation, or has no SEAM.",
        remedy: "Load the kernel's virtualisation module.", origin: .shim)
    public static let shimUnavailable = OwnError(
        "shim-unavailable", 503, "The back end does not answer",
        "The device or the process that carries the calls is gone.",
        remedy: "See the daemon's log.", retryable: true, origin: .shim)
    public static let shimRefused = OwnError(
        "shim-refused", 500, "The back end refused the call",
        "The call was stopped on its way: the back end's own checks do not allow it.",
        remedy: "Report it with the SEAMCALL record.", origin: .shim)
    public static let shimTimedOut = OwnError(
        "shim-timed-out", 503, "The call was not answered in time",
        "Whether it was executed cannot be known, so what it touched is quarantined.",
        remedy: "See the quarantine in /host/capacity; 'tdxd shim' can give it up once the daemon has stopped.",
        origin: .shim)
    public static let shimEmulatorLost = OwnError(
        "shim-emulator-lost", 503, "The emulator died over the call",
        "What it knew of the TDs died with it, so what the call touched is quarantined.",
        remedy: "Start the emulator and the daemon again; the TDs are lost.", origin: .shim)
    public static let shimNoSuchObject = OwnError(
        "shim-no-such-object", 500, "The back end does not know the page",
        "The page, KeyID or memory is not this daemon's, or is gone. Nothing was executed.",
        remedy: "Report it with the SEAMCALL record.", origin: .shim)
    public static let shimWrongKind = OwnError(
        "shim-wrong-kind", 409, "The page is not what the leaf takes",
        "The kernel knows the page as another kind, or in another state. Nothing was executed.",
        remedy: "See the page's kind and state in /tds/{id}/pages.", origin: .shim)
    public static let shimObjectBusy = OwnError(
        "shim-object-busy", 503, "The page is in use",
        "It takes part in another call, has pages below it, or the module holds it. Nothing was executed.",
        remedy: "Try again after Retry-After seconds.", retryable: true, origin: .shim)
    public static let shimNoSuchProcessor = OwnError(
        "shim-no-such-processor", 503, "The logical processor is not there",
        "It was taken offline since the daemon started. Nothing was executed.",
        remedy: "Bring it online again, or start the daemon again.", origin: .shim)
    public static let shimNoBackend = OwnError(
        "shim-no-backend", 503, "Nothing executes SEAMCALLs",
        "The kernel shim has lost what it issues calls through. Nothing was executed.",
        remedy: "See the daemon's log and the kernel's.", retryable: true, origin: .shim)
    public static let shimNotTaken = OwnError(
        "shim-not-taken", 503, "The emulator did not take the call",
        "It did not come for the call in time. Nothing was executed.",
        remedy: "Try again after Retry-After seconds.", retryable: true, origin: .shim)
    public static let shimNoMemory = OwnError(
        "shim-no-memory", 507, "The kernel has no memory",
        "It could not allocate what the call needs. Nothing was executed.",
        remedy: "Free memory on the host, and try again.", retryable: true, origin: .shim)
    public static let shimInterrupted = OwnError(
        "shim-interrupted", 503, "The call was interrupted before it began",
        "Signals came again and again. Nothing was executed.",
        remedy: "Try again after Retry-After seconds.", retryable: true, origin: .shim)
    public static let shimBadAnswer = OwnError(
        "shim-bad-answer", 500, "The back end's answer makes no sense",
        "It contradicts what was asked or what is known, so it is not believed and what the call touched is "
            + "quarantined.",
        remedy: "Report it with the daemon's log.", origin: .shim)

    static let ofShim = [
        shimVMFailInvalid, shimGeneralProtection, shimUndefinedInstruction, shimUnavailable, shimRefused, shimTimedOut,
        shimEmulatorLost, shimNoSuchObject, shimWrongKind, shimObjectBusy, shimNoSuchProcessor, shimNoBackend,
        shimNotTaken, shimNoMemory, shimInterrupted, shimBadAnswer,
    ]
}
