internal import Glibc

enum SystemCall {
    /// What the system calls an error number.
    static func text(of number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        // SAFETY: the buffer is as long as said.
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The current errno as the reason of a failure.
    static func failure(_ what: String) -> CertificateError.Reason { .system(what, errno: errno) }
}

/// An open file descriptor and its one owner.
struct Descriptor: ~Copyable {
    let number: Int32

    /// Nil when it could not be opened; errno says why.
    init?(_ number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { close(number) }
}
