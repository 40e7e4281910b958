internal import Glibc

/// A value behind a mutex with a condition: threads may wait inside until the value suits them.
@safe public final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    public init(_ value: Value) {
        // SAFETY: both have one owner, this object, and addresses that do not change until deinit.
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe condition = .allocate(capacity: 1)
        unsafe condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
        self.value = value
    }

    deinit {
        // SAFETY: nobody can wait or hold the lock once the last reference is gone.
        unsafe pthread_cond_destroy(condition)
        unsafe condition.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Runs `body` alone and wakes whoever waits, since the value may have changed.
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: held in pairs by this function.
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Runs `body` alone, and wakes one of those who wait if it returns true: where any of them will do and waking
    /// all would only make them look.
    public func withLockWakingOne(_ body: (inout Value) -> Bool) {
        // SAFETY: held in pairs by this function; the condition outlives the call, as this object does.
        unsafe pthread_mutex_lock(mutex)
        let wakes = body(&value)
        unsafe pthread_mutex_unlock(mutex)
        // Whoever wakes finds the mutex free.
        if wakes { unsafe pthread_cond_signal(condition) }
    }

    /// Waits until `body` returns something; it is asked again after each change and at the latest when
    /// `timeout` has passed, when the answer is nil.
    ///
    /// - Parameter wakesOthers: whether what `body` did may be what others wait for. Not if it only takes away.
    public func wait<Result>(
        timeout: Duration? = nil, wakesOthers: Bool = true, until body: (inout Value) -> Result?
    ) -> Result? {
        let deadline = timeout.map { MonotonicTime.now.advanced(by: $0).timespec }
        // SAFETY: held in pairs by this function; pthread_cond_wait gives the mutex back held.
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&value) {
                if wakesOthers { unsafe pthread_cond_broadcast(condition) }
                return result
            }
            if var deadline {
                let outcome = unsafe pthread_cond_timedwait(condition, mutex, &deadline)
                if outcome == ETIMEDOUT { return body(&value) }
            } else {
                unsafe pthread_cond_wait(condition, mutex)
            }
        }
    }
}
