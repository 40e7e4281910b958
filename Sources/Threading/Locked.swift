public import Glibc

/// A value behind a POSIX mutex.
///
/// `Synchronization.Mutex` would do, but its futex is invisible to the thread sanitizer, which then
/// reports races that are none; every test of this house runs under that sanitizer.
@safe public final class Locked<Value>: @unchecked Sendable {
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    // Behind a pointer, because the lock makes accesses exclusive and the language need not check that again.
    @usableFromInline let value: UnsafeMutablePointer<Value>

    public init(_ value: Value) {
        // SAFETY: mutex and value have one owner, this object, and addresses that do not change until deinit.
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
    }

    deinit {
        // SAFETY: nobody can hold the lock once the last reference is gone.
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
    }

    /// Runs `body` with the value, alone. Keep it short: copy out; do not log, encode or call out inside.
    ///
    /// Inlinable, because a request takes several locks and the generic call costs more than the lock.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the mutex is initialised and held in pairs by this function only; the value is touched with it held.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return unsafe try body(&value.pointee)
    }
}
