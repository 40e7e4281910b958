internal import Glibc
internal import TDXCalls

/// The way to the shim: what its device does, so that a test can be the device.
public protocol ShimDevice: Sendable {
    /// Makes one request; the structure behind `argument` is read and written.
    ///
    /// - Returns: 0, or the error number.
    func request(_ number: UInt, _ argument: UnsafeMutableRawPointer) -> Int32

    /// Maps host memory of the shim's, shared, to be written and read.
    ///
    /// - Returns: where it is, or nil and the error number.
    func map(offset: UInt64, bytes: Int) -> (start: UnsafeMutableRawPointer?, errorNumber: Int32)

    func unmap(_ start: UnsafeMutableRawPointer, bytes: Int)
}

/// The device itself. Closed with the last reference; the kernel keeps then what the module still holds.
public final class DeviceFile: ShimDevice {
    private let descriptor: Int32

    /// - Throws: if there is no such device, or it may not be opened.
    public init(path: String) throws(ShimUnavailable) {
        // Close-on-exec: a child with a copy of it would keep the session alive after us, and nobody could adopt it.
        // SAFETY: the path is read during the call.
        descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        guard descriptor < 0 else { return }
        let code = errno
        switch code {
        case ENOENT, ENXIO, ENODEV: throw .noDevice(path: path, errorNumber: code)
        case EPERM, EACCES: throw .notPermitted(path: path, errorNumber: code)
        default:
            throw .failing(
                PortError(
                    .notExecuted, "\(path) cannot be opened: \(ErrorNumber.text(code))", fault: .deviceError,
                    errorNumber: code))
        }
    }

    deinit { close(descriptor) }

    public func request(_ number: UInt, _ argument: UnsafeMutableRawPointer) -> Int32 {
        // SAFETY: the caller vouches for the argument; it lives through the call.
        unsafe ioctl(descriptor, number, argument) < 0 ? errno : 0
    }

    public func map(offset: UInt64, bytes: Int) -> (start: UnsafeMutableRawPointer?, errorNumber: Int32) {
        guard let offset = off_t(exactly: offset) else { return (nil, EOVERFLOW) }
        // SAFETY: a mapping at a place that the kernel chooses touches no memory of ours.
        let start = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, offset)
        let code = errno
        guard unsafe start != MAP_FAILED else { return (nil, code) }
        return unsafe (start, 0)
    }

    public func unmap(_ start: UnsafeMutableRawPointer, bytes: Int) {
        // SAFETY: the caller gives back what `map` gave, and does not use it any more.
        _ = unsafe munmap(start, bytes)
    }
}

enum ErrorNumber {
    /// What the system calls an error number.
    static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        // SAFETY: the buffer is as long as said.
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
