internal import Synchronization
internal import Threading

/// Where the bytes of a recording go.
public protocol RecordingStore: Sendable {
    /// Writes all of `bytes` at a place, over what is there.
    func write(_ bytes: [UInt8], at offset: Int) throws(RecordingFault)
    /// Cuts off what lies beyond `size`.
    func truncate(to size: Int) throws(RecordingFault)
}

/// Why a recording cannot go on.
public struct RecordingFault: Error, Hashable, Sendable {
    /// A sentence for whoever reads the log.
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Writes a recording as it goes on, step by step, so that what the store holds is a whole file of recordings after
/// each of them and nothing of it is kept in memory.
///
/// It never fails whom it watches: when the store takes no more, or the recording would become too long, it ends the
/// recording after the last step that is whole, says so once, and takes no further steps.
public final class RecordingWriter: StepSink {
    private struct State: Sendable {
        /// Where the end stands, which the next step is written over.
        var offset: Int
        var steps = 0
    }

    private let store: any RecordingStore
    private let bytesMax: Int
    private let onStop: @Sendable (RecordingFault) -> Void
    private let state: Locked<State>
    private let isOpen = Atomic(true)

    /// Bytes kept free for the note that says why the recording ends.
    private static let noteBytes = 512

    /// - Parameters:
    ///   - head: as ``RecordingText/head(name:purpose:meta:platform:)`` makes it.
    ///   - bytesMax: size that the recording does not exceed.
    ///   - onStop: told why, once, when the recording stops by itself; on the thread of the call that was not recorded.
    /// - Throws: ``RecordingFault`` if not even the head can be written.
    public init(
        to store: any RecordingStore, head: [UInt8], bytesMax: Int, onStop: @escaping @Sendable (RecordingFault) -> Void
    ) throws(RecordingFault) {
        self.store = store
        self.bytesMax = bytesMax
        self.onStop = onStop
        state = Locked(State(offset: head.count))
        try store.write(head + RecordingText.end.dropFirst(), at: 0)
    }

    public var isRecording: Bool { isOpen.load(ordering: .relaxed) }

    /// Steps written so far.
    public var stepCount: Int { state.withLock { $0.steps } }

    public func append(_ steps: [TraceStep]) {
        guard isRecording else { return }
        var text: [UInt8] = []
        do throws(TraceError) {
            for (index, step) in steps.enumerated() {
                if index > 0 { text += RecordingText.separator }
                text += try RecordingText.line(step)
            }
        } catch {
            return stop(RecordingFault(error.description))
        }
        let fault = state.withLock { (state) -> RecordingFault? in
            guard isRecording else { return nil }
            guard text.count <= bytesMax - Self.noteBytes - state.offset else {
                return RecordingFault("it would exceed \(bytesMax) bytes")
            }
            do throws(RecordingFault) {
                try add(text, steps.count, to: &state)
                return nil
            } catch {
                return error
            }
        }
        if let fault { stop(fault) }
    }

    private func add(_ text: [UInt8], _ count: Int, to state: inout State) throws(RecordingFault) {
        let isFirst = state.steps == 0
        let added = isFirst ? text : RecordingText.separator + text
        do throws(RecordingFault) {
            try store.write(added + RecordingText.end, at: state.offset)
        } catch {
            // Part of it may stand there. The end takes room that was taken before.
            try store.write(isFirst ? Array(RecordingText.end.dropFirst()) : RecordingText.end, at: state.offset)
            try store.truncate(to: state.offset + RecordingText.end.count - (isFirst ? 1 : 0))
            throw error
        }
        state.offset += added.count
        state.steps += count
    }

    private func stop(_ fault: RecordingFault) {
        let isFirst = state.withLock { state in
            guard isOpen.exchange(false, ordering: .relaxed) else { return false }
            let note = TraceStep.fact(NoteStep(note: "the recording stops here: \(fault.reason)"))
            // `try?`: for a store that is full the log has to do.
            if let line = try? RecordingText.line(note) { try? add(line, 1, to: &state) }
            return true
        }
        if isFirst { onStop(fault) }
    }
}
