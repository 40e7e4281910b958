internal import COpenSSL

/// libcrypto's list of errors, which each thread has one of.
enum ErrorQueue {
    /// Forgets what earlier calls left, so that a reason given later is of the call in question.
    static func clear() { ERR_clear_error() }

    /// The first reason recorded since `clear`, which is the one nearest to the cause; the list is empty afterwards.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "no reason given" }
        // SAFETY: the texts are constants of the library, ended by a zero.
        guard let text = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    /// Stops at a call that can only fail for want of memory or by our own mistake.
    static func expect(_ status: Int32, _ what: StaticString) {
        precondition(status == 1, "libcrypto: \(what): \(takeReason())")
    }
}
