/// What a refusal is called in a problem document.
extension CertificateRefusal {
    /// The name of the reason; a closed list.
    public enum Code: String, CaseIterable, Sendable {
        case required = "client-certificate-required"
        case malformed = "client-certificate-malformed"
        case chainTooLong = "client-certificate-chain-too-long"
        case unknownAuthority = "client-certificate-unknown-ca"
        case badSignature = "client-certificate-bad-signature"
        case expired = "client-certificate-expired"
        case notYetValid = "client-certificate-not-yet-valid"
        case wrongPurpose = "client-certificate-wrong-purpose"
        case notAnAuthority = "client-certificate-issuer-is-no-ca"
        case pathLengthExceeded = "client-certificate-path-length-exceeded"
        case nameNotPermitted = "client-certificate-name-not-permitted"
        case revoked = "client-certificate-revoked"
        case revocationUnknown = "client-certificate-revocation-unknown"
        case weakKey = "client-certificate-weak-key"
        case weakSignature = "client-certificate-weak-signature"
        case notConforming = "client-certificate-not-conforming"
    }

    public var code: Code {
        switch self {
        case .noneSent: .required
        case .malformed: .malformed
        case .chainTooLong: .chainTooLong
        case .unknownAuthority: .unknownAuthority
        case .badSignature: .badSignature
        case .expired: .expired
        case .notYetValid: .notYetValid
        case .wrongPurpose: .wrongPurpose
        case .notAnAuthority: .notAnAuthority
        case .pathLengthExceeded: .pathLengthExceeded
        case .nameNotPermitted: .nameNotPermitted
        case .revoked: .revoked
        case .revocationUnknown: .revocationUnknown
        case .weakKey: .weakKey
        case .weakSignature: .weakSignature
        case .notConforming: .notConforming
        }
    }
}

extension CertificateRefusal: CustomStringConvertible {
    /// One sentence for whoever was refused. It holds nothing of the certificate but times, numbers and algorithms.
    public var description: String {
        let text = sentence
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    private var sentence: String {
        switch self {
        case .noneSent: "no client certificate was sent"
        case .malformed(let error): "what was sent as a client certificate cannot be read: \(error)"
        case .chainTooLong(let limit): "more than \(limit) certificates were sent or needed"
        case .unknownAuthority: "the client certificate was not issued by a CA that is trusted here"
        case .badSignature(let place): "the signature of \(place) is wrong"
        case .expired(let place, let since): "\(place) expired on \(since)"
        case .notYetValid(let place, let until): "\(place) is not valid before \(until)"
        case .wrongPurpose(let place, let purpose): "\(place) \(purpose)"
        case .notAnAuthority(let place): "\(place) must not issue certificates"
        case .pathLengthExceeded(let place): "\(place) has more CAs below it than it allows"
        case .nameNotPermitted(let place): "\(place) holds a name that its CA must not give"
        case .revoked(let place, nil): "\(place) is revoked"
        case .revoked(let place, let entry?): "\(place) was revoked on \(entry.date) (\(entry.reason))"
        case .revocationUnknown(let place, let gap): "whether \(place) is revoked cannot be told: \(gap)"
        case .weakKey(let place, let kind): "the key of \(place) is not strong enough or of no accepted kind: \(kind)"
        case .weakSignature(let place, let kind): "\(place) is signed with \(kind), which is not accepted"
        case .notConforming(let place, let why): "\(place) breaks a rule of RFC 5280: \(why)"
        }
    }
}

extension WrongPurpose: CustomStringConvertible {
    public var description: String {
        switch self {
        case .authority: "is a CA's own and authenticates no client"
        case .purposes(let purposes):
            "is for \(purposes.map(\.description).joined(separator: ", ")), not for clientAuth"
        case .keyUsage: "has a key that must not be used for digital signatures"
        }
    }
}

extension RevocationGap: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing: "there is no revocation list of its CA"
        case .outdated: "the revocation list of its CA is outdated"
        case .unusable(let why): "the revocation list of its CA does not hold: \(why)"
        }
    }
}
