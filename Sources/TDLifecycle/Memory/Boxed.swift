/// A value behind one reference, copied when it is changed while somebody else has it too: for rows that many hold, and
/// for members that most rows leave as they are and that would make every copy of a row dearer.
public struct Boxed<Value: Sendable>: Sendable {
    // Changed only while uniquely referenced, so it may travel between threads.
    private final class Box: @unchecked Sendable {
        var value: Value

        init(_ value: consuming Value) { self.value = value }
    }

    private var box: Box

    init(_ value: consuming Value) { box = Box(value) }

    public internal(set) var value: Value {
        _read { yield box.value }
        _modify {
            if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
            yield &box.value
        }
    }
}
