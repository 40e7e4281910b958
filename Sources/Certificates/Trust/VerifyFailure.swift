internal import COpenSSL

/// libcrypto's answer of a failed verification, in our words.
struct VerifyFailure {
    let code: Int32
    let place: ChainPosition
    /// The certificate in question, if libcrypto names one.
    let culprit: Certificate?

    var refusal: CertificateRefusal { pathRefusal ?? authorityRefusal ?? other }

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
        case X509_V_ERR_CERT_HAS_EXPIRED: culprit.map { .expired(place, since: $0.validity.notAfter) }
        case X509_V_ERR_CERT_NOT_YET_VALID: culprit.map { .notYetValid(place, until: $0.validity.notBefore) }
        case X509_V_ERR_CERT_CHAIN_TOO_LONG: .chainTooLong(limit: CertificateLimits.chainLengthMax)
        case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
            .weakKey(place, culprit?.publicKey ?? .other("unreadable"))
        case X509_V_ERR_CA_MD_TOO_WEAK, X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
            .weakSignature(place, culprit?.signature ?? SignatureKind(name: "unknown", isAccepted: false))
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

    private var other: CertificateRefusal { .notConforming(place, text) }

    private var text: String {
        // SAFETY: the texts are constants of the library.
        guard let text = unsafe X509_verify_cert_error_string(Int(code)) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    private var wrongPurpose: WrongPurpose {
        guard let purposes = culprit?.purposes, !purposes.contains(.clientAuth) else { return .keyUsage }
        return .purposes(purposes)
    }
}
