internal import COpenSSL

/// libcrypto's answer of a failed verification, in our words.
struct VerifyFailure {
    let code: Int32
    let place: ChainPosition
    /// Of the certificate in question, if libcrypto names one.
    let reader: CertificateReader?
    let lists: [RevocationList]

    var refusal: CertificateRefusal { pathRefusal ?? authorityRefusal ?? revocationRefusal ?? other }

    private var pathRefusal: CertificateRefusal? {
        switch code {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_CERT_REJECTED,
            X509_V_ERR_SUBJECT_ISSUER_MISMATCH, X509_V_ERR_AKID_SKID_MISMATCH, X509_V_ERR_PATH_LOOP,
            X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
            .unknownAuthority
        case X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE,
            X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, X509_V_ERR_NO_ISSUER_PUBLIC_KEY,
            X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY:
            .badSignature(place)
        case X509_V_ERR_CERT_HAS_EXPIRED: validity.map { .expired(place, since: $0.notAfter) }
        case X509_V_ERR_CERT_NOT_YET_VALID: validity.map { .notYetValid(place, until: $0.notBefore) }
        case X509_V_ERR_CERT_CHAIN_TOO_LONG: .chainTooLong(limit: CertificateLimits.chainLengthMax)
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
            .weakKey(place, reader?.publicKey() ?? .other("unreadable"))
        case X509_V_ERR_CA_MD_TOO_WEAK, X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
            .weakSignature(place, reader?.signature() ?? SignatureKind(name: "unknown", isAccepted: false))
        default: nil
        }
    }

    private var authorityRefusal: CertificateRefusal? {
        switch code {
        case X509_V_ERR_INVALID_PURPOSE: .wrongPurpose(place, wrongPurpose)
        case X509_V_ERR_INVALID_CA, X509_V_ERR_KEYUSAGE_NO_CERTSIGN, X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
            .notAnAuthority(place)
        case X509_V_ERR_PATH_LENGTH_EXCEEDED: .pathLengthExceeded(place)
        case X509_V_ERR_PERMITTED_VIOLATION, X509_V_ERR_EXCLUDED_VIOLATION, X509_V_ERR_SUBTREE_MINMAX,
            X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
            X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
            .nameNotPermitted(place)
        default: nil
        }
    }

    private var revocationRefusal: CertificateRefusal? {
        switch code {
        case X509_V_ERR_CERT_REVOKED: .revoked(place, revokedEntry)
        case X509_V_ERR_UNABLE_TO_GET_CRL: .revocationUnknown(place, .missing)
        case X509_V_ERR_CRL_HAS_EXPIRED: .revocationUnknown(place, .outdated)
        case X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_SIGNATURE_FAILURE, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
            X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE, X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
            X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, X509_V_ERR_DIFFERENT_CRL_SCOPE,
            X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD, X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
            X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
            .revocationUnknown(place, .unusable(text))
        default: nil
        }
    }

    private var other: CertificateRefusal { .notConforming(place, text) }

    private var text: String {
        // SAFETY: the texts are constants of the library.
        guard let text = unsafe X509_verify_cert_error_string(Int(code)) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    // What cannot be read here was read when the certificate was parsed: nil only if there is no certificate.
    private var validity: Validity? { try? reader?.validity() }

    private var wrongPurpose: WrongPurpose {
        guard let purposes = try? reader?.purposes(), !purposes.contains(.clientAuth) else { return .keyUsage }
        return .purposes(purposes)
    }

    private var revokedEntry: RevokedCertificate? {
        guard let reader, let serial = try? reader.serial() else { return nil }
        let issuer = reader.issuer()
        return lists.lazy.filter { $0.issuer == issuer }.compactMap { $0.entry(for: serial) }.first
    }
}
