internal import CTDXShim
internal import Glibc
internal import TDXCalls

// One request: a structure in and out, and the error number as an error of ours.

extension ShimDevice {
    /// How often a request that a signal interrupted is made again.
    private var interruptionsMax: Int { 1000 }

    /// - Parameter what: for the explanation, such as "allocate a page".
    func perform<Argument>(
        _ number: UInt, _ argument: inout Argument, _ what: @autoclosure () -> String
    ) throws(PortError) {
        let input = argument
        var interruptions = 0
        while true {
            // SAFETY: the structure is the request's, and lives through the call.
            let code = unsafe withUnsafeMutablePointer(to: &argument) {
                unsafe request(number, UnsafeMutableRawPointer($0))
            }
            if code == 0 { return }
            argument = input
            // The shim gives EINTR only before anything was executed.
            guard code == EINTR, interruptions < interruptionsMax else {
                throw PortError(shimErrorNumber: code, what())
            }
            interruptions += 1
        }
    }
}

extension PortError {
    /// What the shim refused: nothing was executed, and nothing changed.
    init(shimErrorNumber code: Int32, _ what: String) {
        let (reason, fault, sentence): (Reason, PortFault, String) =
            switch code {
            case EINVAL: (.notExecuted, .malformed, "the shim finds the request malformed")
            case ENOENT: (.notExecuted, .noSuchObject, "the shim has no such object, or not in this session")
            case EPROTOTYPE: (.notExecuted, .wrongKind, "the object is of another kind, or in another state")
            case EBUSY: (.notExecuted, .objectBusy, "the object is in use, has others below it, or the module holds it")
            case EOPNOTSUPP: (.unsupported, .leafNotCarried, "the shim does not carry this")
            case ENXIO: (.notExecuted, .noSuchProcessor, "the processor is not there, or offline")
            case ENODEV: (.notExecuted, .noBackend, "the shim has no way to the TDX module any more")
            case ETIMEDOUT: (.notExecuted, .notTaken, "the emulator did not take the call in time")
            case ENOSPC: (.exhausted, .full, "there are no more: a quota is used up, or others have them")
            case ENOMEM: (.exhausted, .noMemory, "the kernel has no memory")
            case EINTR: (.notExecuted, .interrupted, "signals came again and again before it began")
            default: (.notExecuted, .deviceError, "the device says \(ErrorNumber.text(code))")
            }
        self.init(reason, "\(what): \(sentence)", fault: fault, errorNumber: code)
    }

    /// An answer that is not believed. What a call touched cannot be trusted then.
    static func badAnswer(_ explanation: String, executed: Bool = false) -> PortError {
        PortError(
            executed ? .outcomeUnknown : .notExecuted, "the shim's answer makes no sense: \(explanation)",
            fault: .badAnswer)
    }
}

/// A structure of the interface begins with its own size.
protocol Sized {
    init()
    var size: UInt32 { get set }
}

extension Sized {
    /// Zeroes, and the size.
    static var blank: Self {
        var value = Self()
        value.size = UInt32(MemoryLayout<Self>.size)
        return value
    }
}

extension tdx_shim_info: Sized {}
extension tdx_shim_module: Sized {}
extension tdx_shim_processors: Sized {}
extension tdx_shim_object: Sized {}
extension tdx_shim_call: Sized {}
extension tdx_shim_adopt: Sized {}
extension tdx_shim_list: Sized {}
extension tdx_shim_sessions: Sized {}
extension tdx_shim_reclaim: Sized {}
extension tdx_shim_forget: Sized {}

/// The elements of an array of the interface, which C gives us as a tuple.
func elements<Tuple, Element>(of tuple: Tuple, as type: Element.Type, count: Int) -> [Element] {
    // SAFETY: C lays an array out as its elements, one after another, and they are plain numbers; `count` is bounded by
    // what the tuple holds.
    unsafe withUnsafeBytes(of: tuple) { bytes in
        let room = bytes.count / MemoryLayout<Element>.stride
        return (0..<min(count, room)).map { place in
            unsafe bytes.load(fromByteOffset: place * MemoryLayout<Element>.stride, as: Element.self)
        }
    }
}
