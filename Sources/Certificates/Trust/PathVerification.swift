internal import COpenSSL

/// One run of libcrypto's path validation.
@safe struct PathVerification {
    private let peer: Certificate
    private let sent: ArraySlice<Certificate>
    private let time: CalendarTime
    private let trust: TrustStore

    /// 112 bits of security: RSA from 2048 bits, no SHA-1.
    private static let securityLevel: Int32 = 2

    init(_ peer: Certificate, sent: ArraySlice<Certificate>, time: CalendarTime, trust: TrustStore) {
        self.peer = peer
        self.sent = sent
        self.time = time
        self.trust = trust
    }

    /// When the first certificate of the path ends.
    func run(_ store: borrowing Owned) throws(CertificateRefusal) -> CalendarTime {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        // SAFETY: made here, freed after use; the stack holds references of its own; `trust`, which the callback sees,
        // and all else lent to the context live through the verification.
        let others = unsafe Owned(copenssl_certificates_new()) { unsafe copenssl_certificates_free($0) }
        for certificate in sent {
            let added = unsafe X509_add_cert(
                others.pointer, certificate.handle.pointer, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP)
            ErrorQueue.expect(added, "a certificate of the chain")
        }
        let context = unsafe Owned(X509_STORE_CTX_new()) { unsafe X509_STORE_CTX_free($0) }
        let started = unsafe X509_STORE_CTX_init(context.pointer, store.pointer, peer.handle.pointer, others.pointer)
        ErrorQueue.expect(started, "a verification")
        set(context)
        return try withExtendedLifetime(trust) { () throws(CertificateRefusal) in
            guard unsafe X509_verify_cert(context.pointer) == 1 else { throw refusal(context) }
            return try check(path: context)
        }
    }

    private func set(_ context: borrowing Owned) {
        // SAFETY: the parameters belong to the context; the trust store outlives the verification.
        let parameters = unsafe X509_STORE_CTX_get0_param(context.pointer)
        let flags =
            X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CRL_CHECK
            | X509_V_FLAG_CRL_CHECK_ALL
        ErrorQueue.expect(unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(flags)), "flags")
        ErrorQueue.expect(unsafe X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT), "a purpose")
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, Self.securityLevel)
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Int32(CertificateLimits.chainLengthMax - 1))
        unsafe X509_VERIFY_PARAM_set_time(parameters, Int(time.seconds))
        let trustPointer = unsafe Unmanaged.passUnretained(trust).toOpaque()
        ErrorQueue.expect(unsafe X509_STORE_CTX_set_ex_data(context.pointer, 0, trustPointer), "a context")
        unsafe X509_STORE_CTX_set_verify_cb(context.pointer, forgiveMissingLists)
    }

    /// What libcrypto's security level lets pass and we do not: other algorithms than the accepted ones.
    private func check(path context: borrowing Owned) throws(CertificateRefusal) -> CalendarTime {
        // SAFETY: the chain belongs to the context, and its certificates to the chain.
        guard let chain = unsafe X509_STORE_CTX_get0_chain(context.pointer) else {
            throw .notConforming(.peer, "no path")
        }
        let count = unsafe copenssl_certificates_count(chain)
        var expires = peer.validity.notAfter
        for depth in 0..<count {
            guard let x509 = unsafe copenssl_certificate_at(chain, depth) else { continue }
            let reader = unsafe CertificateReader(borrowing: x509)
            let place = ChainPosition(depth: Int(depth))
            let key = reader.publicKey()
            guard key.isAccepted else { throw .weakKey(place, key) }
            let signature = reader.signature()
            // The last one is trusted for itself, however it is signed.
            guard signature.isAccepted || depth == count - 1 else { throw .weakSignature(place, signature) }
            do { expires = min(expires, try reader.validity().notAfter) } catch {
                throw .notConforming(place, error.description)
            }
        }
        // A TLS client proves itself with a signature; libcrypto's purpose would let key agreement do.
        guard peer.keyUsage?.contains(.digitalSignature) ?? true else { throw .wrongPurpose(.peer, .keyUsage) }
        return expires
    }

    private func refusal(_ context: borrowing Owned) -> CertificateRefusal {
        // SAFETY: the certificate in question belongs to the context or to our chain, which both live.
        let code = unsafe X509_STORE_CTX_get_error(context.pointer)
        let depth = unsafe X509_STORE_CTX_get_error_depth(context.pointer)
        let culprit = unsafe X509_STORE_CTX_get_current_cert(context.pointer)
        let reader = unsafe culprit.map { unsafe CertificateReader(borrowing: $0) }
        return VerifyFailure(
            code: code, place: ChainPosition(depth: Int(max(0, depth))), reader: reader, lists: trust.revocationLists
        ).refusal
    }
}

extension TrustStore {
    /// Whether a list is configured of whoever issued this certificate.
    fileprivate func hasList(forIssuerOf x509: OpaquePointer) -> Bool {
        // SAFETY: names belong to objects that live through the call.
        revocationLists.contains {
            unsafe X509_NAME_cmp(X509_CRL_get_issuer($0.handle.pointer), X509_get_issuer_name(x509)) == 0
        }
    }
}

/// Called by libcrypto for every certificate that holds and for every fault; 1 goes on. Only gaps in the revocation
/// lists are ever forgiven, according to the policy.
private func forgiveMissingLists(_ isFine: Int32, _ context: OpaquePointer?) -> Int32 {
    // SAFETY: libcrypto passes the context it verifies, whose data is the trust store that `run` keeps alive.
    guard isFine == 0, let context = unsafe context,
        let data = unsafe X509_STORE_CTX_get_ex_data(context, 0)
    else { return isFine }
    let trust = unsafe Unmanaged<TrustStore>.fromOpaque(data).takeUnretainedValue()
    let depth = unsafe X509_STORE_CTX_get_error_depth(context)
    let isAnchor = unsafe depth == copenssl_certificates_count(X509_STORE_CTX_get0_chain(context)) - 1
    switch unsafe X509_STORE_CTX_get_error(context) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
        guard let x509 = unsafe X509_STORE_CTX_get_current_cert(context) else { return 0 }
        // An authority that is trusted for itself is distrusted by taking it out of the configuration.
        if isAnchor { return 1 }
        return unsafe trust.revocation.whenMissing == .accept && !trust.hasList(forIssuerOf: x509) ? 1 : 0
    case X509_V_ERR_CRL_HAS_EXPIRED:
        return trust.revocation.whenOutdated == .accept ? 1 : 0
    default:
        return 0
    }
}
