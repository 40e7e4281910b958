internal import Certificates
internal import ControlAPI
internal import ControlSchema
internal import FoundationEssentials

/// Who has which role on TLS listeners: a JSON object, where each name stands for a role.
///
///     {"identities": {"spiffe://tdxd/user/alice": "operator", "sha256:<64 hexadecimal digits>": "viewer"}}
///
/// A name is a URI of the client's certificate, or the certificate's SHA-256.
struct RoleFile: Hashable, Sendable {
    /// Bytes.
    static let sizeMax = RequestLimits.maximumBytes

    var roles: [CertificateName: Role]

    init(roles: [CertificateName: Role]) { self.roles = roles }

    /// - Throws: the place, as a JSON Pointer, and what is wrong there.
    init(json: [UInt8]) throws(ItemFault) {
        do throws(RequestError) { try ControlJSON.check(json) } catch { throw Self.fault(error) }
        let members: [String: Value]
        do { members = try JSONDecoder().decode([String: Value].self, from: Data(json)) } catch {
            throw ItemFault("must be a JSON object")
        }
        // In order, so that the same file always gives the same first error.
        if let unknown = members.keys.sorted().first(where: { $0 != Self.member }) {
            throw ItemFault("/\(Self.escaped(unknown)): is not a member of this object")
        }
        guard let identities = members[Self.member] else { throw ItemFault("/\(Self.member): is required") }
        guard case .object(let object) = identities else { throw ItemFault("/\(Self.member): must be an object") }
        roles = [:]
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            do throws(ItemFault) {
                roles[try CertificateName(name)] = try value.role
            } catch {
                throw ItemFault("/\(Self.member)/\(Self.escaped(name)): \(error.reason)")
            }
        }
    }

    /// As the file has it.
    var json: [UInt8] {
        let names = Dictionary(uniqueKeysWithValues: roles.map { ($0.key.description, $0.value.rawValue) })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return try Array(encoder.encode([Self.member: names])) + [UInt8(ascii: "\n")]
        } catch {
            preconditionFailure("strings can always be encoded: \(error)")
        }
    }

    /// Each role's own URI has that role.
    static let ofRoleNames = RoleFile(
        roles: Dictionary(uniqueKeysWithValues: Role.allCases.map { (.uri(PKILayout.roleURI($0.rawValue)), $0) }))

    private static let member = "identities"

    private static func fault(_ error: RequestError) -> ItemFault {
        guard let first = error.violations.first else {
            return ItemFault(error.detail.replacing("the body", with: "the file"))
        }
        return ItemFault("\(first.pointer ?? ""): \(first.reason)")
    }

    /// RFC 6901.
    private static func escaped(_ name: String) -> String { name.replacing("~", with: "~0").replacing("/", with: "~1") }

    private enum Value: Decodable {
        case text(String), object([String: Value]), other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            // Each `try?` only asks whether it is this type; `other` is refused with its place.
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let object = try? container.decode([String: Value].self) {
                self = .object(object)
            } else {
                self = .other
            }
        }

        var role: Role {
            get throws(ItemFault) {
                guard case .text(let name) = self else { throw ItemFault("must be a role's name") }
                return try Role(named: name)
            }
        }
    }
}

extension CertificateName {
    /// Reads a URI, or `sha256:` and the digits.
    init(_ text: String) throws(ItemFault) {
        guard text.hasPrefix(Self.digestPrefix) else {
            guard CertificateRequest.isURI(text) else { throw ItemFault("is neither a URI nor sha256:<digits>") }
            self = .uri(text)
            return
        }
        let digits = text.dropFirst(Self.digestPrefix.count)
        guard let fingerprint = Fingerprint(hex: digits), fingerprint.description == digits else {
            throw ItemFault("must have 64 lower-case hexadecimal digits, without colons, after sha256:")
        }
        self = .sha256(fingerprint.description)
    }
}
