import FakeReplay
import FakeTDX
import SEAMCALLTrace
import TDXCalls
import Testing
import Threading

/// A store of bytes that is full at some size.
private final class SmallStore: RecordingStore {
    let bytes = Locked<[UInt8]>([])
    let sizeMax: Locked<Int>

    init(sizeMax: Int = .max) { self.sizeMax = Locked(sizeMax) }

    func write(_ new: [UInt8], at offset: Int) throws(RecordingFault) {
        let room = sizeMax.withLock { $0 } - offset
        let taken = new.prefix(max(0, room))
        bytes.withLock { bytes in
            bytes.replaceSubrange(offset..<min(bytes.count, offset + taken.count), with: taken)
        }
        if taken.count < new.count { throw RecordingFault("the store is full") }
    }

    func truncate(to size: Int) throws(RecordingFault) {
        bytes.withLock { $0.removeLast(max(0, $0.count - size)) }
    }

    var content: [UInt8] { bytes.withLock { $0 } }
}

@Suite("A recording that is written as it goes on")
struct RecordingWriterTests {
    private let faults = Locked<[RecordingFault]>([])

    private func writer(_ store: SmallStore, bytesMax: Int = 1 << 20) throws -> RecordingWriter {
        let head = try RecordingText.head(
            name: "run", purpose: "a test", meta: .object(["writer": .string("test")]),
            platform: TracePlatform(lps: 4, packages: 2))
        return try RecordingWriter(to: store, head: head, bytesMax: bytesMax) { [faults] fault in
            faults.withLock { $0.append(fault) }
        }
    }

    private func step(_ number: Int) -> TraceStep { .fact(NoteStep(note: "step \(number)")) }

    @Test("is a whole file after each step, the first and none among them")
    func whole() throws {
        let store = SmallStore()
        let writer = try writer(store)
        for count in 0..<4 {
            let file = try TraceFile(json: store.content)
            #expect(file.damage == nil)
            #expect(file.meta == .object(["writer": .string("test")]))
            #expect(file.traces.map(\.name) == ["run"])
            #expect(file.traces.first?.platform == TracePlatform(lps: 4, packages: 2))
            #expect(file.traces.first?.steps == (0..<count).map(step))
            writer.append([step(count)])
        }
        writer.append([step(4), step(5)])
        #expect(writer.stepCount == 6)
        // Also for whoever knows nothing of its lines.
        let spaced = store.content.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }
        #expect(try TraceFile(json: spaced).traces.first?.steps == (0..<6).map(step))
    }

    @Test("cut off anywhere behind its head, gives the steps that are whole, and says that it was cut off")
    func cut() throws {
        let store = SmallStore()
        let writer = try writer(store)
        let head = store.content.count - RecordingText.end.count
        for number in 0..<3 { writer.append([step(number)]) }
        let whole = store.content
        for length in head + 2..<whole.count {
            let file = try TraceFile(json: Array(whole[..<length]))
            let steps = try #require(file.traces.first?.steps)
            #expect(steps == (0..<steps.count).map(step))
            // Without the last line break it is JSON all the same, though not what the writer leaves.
            #expect(file.damage != nil, "\(length) of \(whole.count)")
            if length == whole.count - 1 { #expect(steps.count == 3) }
        }
    }

    @Test("a line in the middle that is no step is an error that names it")
    func spoiled() throws {
        let store = SmallStore()
        let writer = try writer(store)
        for number in 0..<3 { writer.append([step(number)]) }
        let text = String(decoding: store.content, as: UTF8.self)
        let spoiled = text.replacing("\"step 1\"", with: "step 1")
        let error = #expect(throws: TraceError.self) { try TraceFile(json: Array(spoiled.utf8)) }
        #expect(error?.description.hasPrefix("line 3 is no step") == true)
    }

    @Test("stops with what is whole when the store is full, at whichever byte, says so once, and takes no more")
    func full() throws {
        let roomy = SmallStore()
        let head = try {
            _ = try writer(roomy); return roomy.content.count
        }()
        for sizeMax in head..<head + 120 {
            let store = SmallStore()
            let writer = try writer(store)
            store.sizeMax.withLock { $0 = sizeMax }
            faults.withLock { $0 = [] }
            for number in 0..<5 { writer.append([step(number)]) }
            let file = try TraceFile(json: store.content)
            let steps = try #require(file.traces.first?.steps)
            #expect(file.damage == nil, "full at \(sizeMax)")
            #expect(steps == (0..<steps.count).map(step))
            #expect(steps.count < 5)
            #expect(!writer.isRecording)
            #expect(faults.withLock { $0 } == [RecordingFault("the store is full")])
        }
    }

    @Test("stops at its size, with a note as its last step")
    func sized() throws {
        let store = SmallStore()
        let writer = try writer(store, bytesMax: 2000)
        for number in 0..<1000 { writer.append([step(number)]) }
        #expect(store.content.count <= 2000)
        let steps = try #require(try TraceFile(json: store.content).traces.first?.steps)
        #expect(steps.count > 10)
        #expect(steps.dropLast() == (0..<steps.count - 1).map(step)[...])
        #expect(steps.last == .fact(NoteStep(note: "the recording stops here: it would exceed 2000 bytes")))
        #expect(faults.withLock { $0 } == [RecordingFault("it would exceed 2000 bytes")])
    }

    @Test("does not hold up a call once it has stopped, nor change its answer")
    func afterwards() throws {
        let fake = try FakeTDX()
        let store = SmallStore()
        let writer = try writer(store)
        store.sizeMax.withLock { $0 = 0 }
        let recorder = Recorder(calls: fake, host: fake, into: writer)
        for _ in 0..<3 {
            var registers = Registers(rcx: 0x1_0010_0000)
            #expect(try recorder.call(.phymemPageRDMD, &registers, on: Processor(rawValue: 0)) == .success)
        }
        #expect(!writer.isRecording)
    }
}
