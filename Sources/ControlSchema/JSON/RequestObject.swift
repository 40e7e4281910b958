/// The body of a request, or an object in one, that is decoded strictly.
public protocol RequestBody: Codable, Hashable, Sendable {
    /// What a missing body stands for; nil where a body is required.
    static var whenAbsent: Self? { get }
}

extension RequestBody {
    public static var whenAbsent: Self? { nil }
}

/// Reads the members of one object and collects everything that is wrong with them.
///
/// Each reader returns nil both when a member is absent and when it is wrong; `finish` throws in the latter case, so
/// that nobody uses what is left.
struct RequestObject {
    struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Set by `ControlJSON.decodeRequest`: an answer that holds the same type may have members of a newer version.
    static let strictness = CodingUserInfoKey(rawValue: "strict")

    private let container: KeyedDecodingContainer<Name>
    private let refusesUnknown: Bool
    /// In an array, since there are few and most are short.
    private var asked: [String] = []
    private var findings = Findings()
    /// Names of the members that are there, in no order.
    let names: [String]

    init(_ decoder: any Decoder) throws {
        refusesUnknown = Self.strictness.map { decoder.userInfo[$0] != nil } ?? true
        do {
            container = try decoder.container(keyedBy: Name.self)
            names = container.allKeys.map(\.stringValue)
        } catch is DecodingError {
            throw RequestError.invalid(pointer(of: decoder.codingPath), "must be an object")
        }
    }

    /// Whether `name` is there and null: in a merge patch that removes.
    func isNull(_ name: String) -> Bool {
        // It throws only when the member is absent, which is no null.
        (try? container.decodeNil(forKey: Name(name))) == true
    }

    mutating func refuse(_ name: String, _ reason: String) {
        findings.add(.value, pointer(of: container.codingPath, name), reason)
    }

    /// Refuses member `name`, which would be right if another member were different.
    mutating func refuseConflict(_ name: String, _ reason: String) {
        findings.add(.conflict, pointer(of: container.codingPath, name), reason)
    }

    /// Refuses member `inner` of the object that member `name` is.
    mutating func refuse(_ name: String, _ inner: String, _ reason: String) {
        findings.add(.value, pointer(of: container.codingPath, name) + "/" + pointerToken(inner), reason)
    }

    /// Counts member `name` as known without reading it.
    mutating func skip(_ name: String) { asked.append(name) }

    /// Reads member `name`; `expected` says what it must be.
    mutating func member<Value>(
        _ name: String, _ expected: @autoclosure () -> String,
        _ read: (KeyedDecodingContainer<Name>, Name) throws -> Value?
    ) -> Value? {
        asked.append(name)
        guard names.contains(name) else { return nil }
        let key = Name(name)
        guard !isNull(name) else {
            refuse(name, "must not be null; leave the member out")
            return nil
        }
        do {
            if let value = try read(container, key) { return value }
            refuse(name, "must be " + expected())
        } catch let error as RequestError {
            findings.add(error)
        } catch {
            refuse(name, "must be " + expected())
        }
        return nil
    }

    /// Notes that member `name` is missing, if it is.
    mutating func require(_ name: String) {
        if !names.contains(name) { refuse(name, "is required") }
    }

    /// The error that `finish` would throw; for a required value that is not there.
    var failure: RequestError { findings.failure }

    /// Refuses what nobody asked for, and throws if anything was wrong.
    mutating func finish() throws {
        for name in (refusesUnknown ? names.filter { !asked.contains($0) }.sorted() : []) {
            findings.add(.unknownMember, pointer(of: container.codingPath, name), "is not a member of this object")
        }
        if !findings.isEmpty { throw failure }
    }
}
