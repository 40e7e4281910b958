internal import HTTPExchange

/// What other threads may know and change of a connection: whose turn it is, and whether it sleeps.
///
/// Guarded by the connection's lock. The library forbids two things that this keeps apart: resuming a connection
/// that is not suspended, and stopping a daemon that has suspended ones.
struct Turn {
    enum Sleep {
        /// The responder has the request; the answer wakes.
        case answer
        /// The receiver of an upload is full.
        case upload
        /// The source of a download has nothing yet.
        case download
    }

    /// Counts the connection's requests, so that a late answer to an earlier one is told from an answer to this one.
    var serial: UInt64 = 0
    /// A request's head has arrived in full and it has not been answered to its end.
    var isBusy = false
    var sleep: Sleep?
    /// Somebody woke the stream since it was last asked.
    var woken = false
    /// The answer, until the connection's thread takes it.
    var outcome: ExchangeOutcome?
    /// The client has closed its side of the connection.
    var clientHasGone = false
    /// The connection is to be ended at the next opportunity, and must not sleep again.
    var isCut = false
}
