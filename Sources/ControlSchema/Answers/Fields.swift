/// A metadata field as the module gave it. The read is a SEAMCALL and is recorded as one.
public struct FieldRead: Codable, Hashable, Sendable {
    /// Name of the field; absent when the id has none here.
    public var name: String?
    /// Id of the field, or of its first element.
    public var fieldId: HexValue
    /// The elements that were read; one, unless the field is an array read as a whole.
    public var elements: [FieldElement]
    /// Size of one element in bytes: 1, 2, 4 or 8.
    public var sizeBytes: Int
    /// Bits of an element that a write may change; absent when none can be.
    public var writableMask: HexValue?
    /// Where the read ran, and what that did.
    public var readOn: FieldReadPlace
    /// True when the values were left out for the reader's role: host addresses, guest state of a debug TD.
    public var redacted: Bool?
    /// Sequence of the last SEAMCALL of the read.
    public var sequence: UInt64

    public init(
        name: String? = nil, fieldId: HexValue, elements: [FieldElement], sizeBytes: Int,
        writableMask: HexValue? = nil, readOn: FieldReadPlace, redacted: Bool? = nil, sequence: UInt64
    ) {
        self.name = name
        self.fieldId = fieldId
        self.elements = elements
        self.sizeBytes = sizeBytes
        self.writableMask = writableMask
        self.readOn = readOn
        self.redacted = redacted
        self.sequence = sequence
    }
}

/// One element of a field.
public struct FieldElement: Codable, Hashable, Sendable {
    /// Its place in the field, from 0.
    public var index: Int
    /// Its value under the readable mask; absent when redacted.
    public var value: HexValue?

    public init(
        index: Int, value: HexValue? = nil
    ) {
        self.index = index
        self.value = value
    }
}

/// Where a field was read.
public struct FieldReadPlace: Codable, Hashable, Sendable {
    /// The logical processor that executed the read.
    public var processor: Int
    /// vCPU fields: whether the read associated the vCPU with that processor. Such a vCPU must be flushed there.
    public var associationChanged: Bool?

    public init(
        processor: Int, associationChanged: Bool? = nil
    ) {
        self.processor = processor
        self.associationChanged = associationChanged
    }
}

/// What a field write did.
public struct FieldWriteResult: Codable, Hashable, Sendable {
    /// Name of the field; absent when the id has none here.
    public var name: String?
    /// Id of the field or element.
    public var fieldId: HexValue
    /// Value before the write, under the readable mask; absent in a dry run.
    public var previous: HexValue?
    /// Value that was written.
    public var value: HexValue
    /// Bits that the write was allowed to change.
    public var mask: HexValue
    /// `accepted`, or `planned` in a dry run.
    public var handledAs: Handling
    /// Sequence of the SEAMCALL; absent in a dry run.
    public var sequence: UInt64?

    public init(
        name: String? = nil, fieldId: HexValue, previous: HexValue? = nil, value: HexValue, mask: HexValue,
        handledAs: Handling, sequence: UInt64? = nil
    ) {
        self.name = name
        self.fieldId = fieldId
        self.previous = previous
        self.value = value
        self.mask = mask
        self.handledAs = handledAs
        self.sequence = sequence
    }
}
