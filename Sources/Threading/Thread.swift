internal import Glibc

/// A POSIX thread that runs one closure and can be joined.
///
/// SEAMCALLs block, so they run on threads of our own and never on Swift's cooperative pool.
public final class Thread: Sendable {
    private let handle: Locked<pthread_t?>

    public init(_ body: @escaping @Sendable () -> Void) {
        // SAFETY: the reference retained here is released by the new thread, or below when it did not start.
        let start = unsafe Unmanaged.passRetained(Start(body: body))
        var thread = pthread_t()
        let failed = unsafe pthread_create(&thread, nil, threadEntry, start.toOpaque())
        if failed != 0 { unsafe start.release() }
        precondition(failed == 0, "the system refuses another thread (errno \(failed))")
        handle = Locked(thread)
    }

    /// The number of the thread that asks, which no other has while that one runs.
    public static var current: UInt { UInt(bitPattern: Int(bitPattern: pthread_self())) }

    /// Waits until the closure has returned. Joining twice does nothing the second time.
    public func join() {
        let thread = handle.withLock { thread -> pthread_t? in
            defer { thread = nil }
            return thread
        }
        // The handle was taken out above, so it is joined once.
        if let thread { pthread_join(thread, nil) }
    }
}

private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Formed outside any actor: a C callback inherits the isolation of the place that names it.
private nonisolated func threadEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // SAFETY: `Thread.init` passed a retained `Start`, and this is its only consumer.
    guard let argument = unsafe argument else { return nil }
    let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    start.body()
    return nil
}
