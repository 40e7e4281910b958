internal import TDXCalls

/// Why a recording cannot be gone through.
enum Obstacle: Error {
    /// The device has no such thing, or refuses it before anything is executed: the recording is left out.
    case cannotBeGiven(String)
    /// The device fails, or what it says cannot be trusted: nothing can be said of any recording.
    case deviceFails(PortError)

    init(_ error: PortError) {
        switch error.fault {
        case .malformed?, .noSuchObject?, .wrongKind?, .objectBusy?, .leafNotCarried?, .full?:
            self = error.reason == .outcomeUnknown ? .deviceFails(error) : .cannotBeGiven(error.explanation)
        default: self = .deviceFails(error)
        }
    }
}
