internal import Synchronization
internal import TDXCalls

extension TDState {
    /// Whether no vCPU can still translate through what was blocked at `blockEpoch`.
    func isTracked(since blockEpoch: UInt64) -> Bool {
        let now = epoch.load(ordering: .relaxed)
        return now > blockEpoch + 1 || now == blockEpoch + 1 && running(inEpochLike: blockEpoch) == 0
    }
}
