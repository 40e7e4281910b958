internal import Digests
internal import Synchronization
internal import TDXCalls

extension Call {
    /// TDH.MR.FINALIZE, leaf 17: RCX the TDR. The measurement is closed, and the TD can run.
    mutating func mrFinalize() throws(Refusal) -> Completion {
        let td = try td(registers.rcx, .rcx, .exclusive)
        try check(td, allow: .initialized, opStateLock: nil)
        guard td.vcpuCount.load(ordering: .relaxed) > 0 else { throw Refusal(.noVCPUs) }

        // Commit.
        td.mrtd = td.measurement.digest().bytes
        td.opState = .runnable
        return .success
    }
}
