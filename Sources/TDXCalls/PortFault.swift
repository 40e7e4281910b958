/// What a call came to grief on between us and the module. None of these is an answer of the module.
public enum PortFault: UInt8, CaseIterable, Hashable, Sendable {
    // The instruction itself.

    /// #UD: no VMX operation, or no SEAM. Nothing was executed.
    case undefinedInstruction
    /// #GP: TDX is not enabled on this processor. Nothing was executed.
    case generalProtection
    /// VMfailInvalid: there is no module, or no module any more.
    case vmFailInvalid
    /// The call was taken and not answered in time.
    case timedOut
    /// Whoever executed the call has died over it.
    case emulatorLost

    // What the shim refuses before it does anything.

    /// EINVAL
    case malformed
    /// ENOENT: no such object, or not one of this session's.
    case noSuchObject
    /// EPROTOTYPE: the object is of another kind, or in another state.
    case wrongKind
    /// EBUSY
    case objectBusy
    /// EOPNOTSUPP
    case leafNotCarried
    /// ENXIO
    case noSuchProcessor
    /// ENODEV
    case noBackend
    /// ETIMEDOUT: the call was not taken in time.
    case notTaken
    /// ENOSPC: a quota or a table is full.
    case full
    /// ENOMEM
    case noMemory
    /// EINTR, over and over.
    case interrupted
    /// An error number that the device should not give.
    case deviceError
    /// An answer that makes no sense: it is not believed.
    case badAnswer
}
