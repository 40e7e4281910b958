internal import COpenSSL

/// One run of libcrypto's path validation: everything of RFC 5280 but revocation.
@safe struct PathVerification {
    private let peer: Certificate
    private let sent: ArraySlice<Certificate>
    private let authorities: [Certificate]
    private let time: CalendarTime

    /// 112 bits of security: RSA from 2048 bits, no SHA-1.
    private static let securityLevel: Int32 = 2

    init(_ peer: Certificate, sent: ArraySlice<Certificate>, authorities: [Certificate], time: CalendarTime) {
        self.peer = peer
        self.sent = sent
        self.authorities = authorities
        self.time = time
    }

    /// The path found, from the peer to a trusted authority.
    func run(_ store: borrowing Owned) throws(CertificateRefusal) -> [Certificate] {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        // SAFETY: made here, freed after use; the stack holds references of its own, and all else lent to the context
        // lives through the verification.
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
        guard unsafe X509_verify_cert(context.pointer) == 1 else { throw refusal(context) }
        return try path(of: context)
    }

    private func set(_ context: borrowing Owned) {
        // SAFETY: the parameters belong to the context.
        let parameters = unsafe X509_STORE_CTX_get0_param(context.pointer)
        let flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN
        ErrorQueue.expect(unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(flags)), "flags")
        ErrorQueue.expect(unsafe X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT), "a purpose")
        unsafe X509_VERIFY_PARAM_set_auth_level(parameters, Self.securityLevel)
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Int32(CertificateLimits.chainLengthMax - 1))
        unsafe X509_VERIFY_PARAM_set_time(parameters, Int(time.seconds))
    }

    private func path(of context: borrowing Owned) throws(CertificateRefusal) -> [Certificate] {
        // SAFETY: the chain belongs to the context.
        let chain = unsafe X509_STORE_CTX_get0_chain(context.pointer)
        let count = unsafe copenssl_certificates_count(chain)
        var path: [Certificate] = []
        for depth in 0..<count {
            guard let certificate = unsafe known(copenssl_certificate_at(chain, depth)) else {
                // It cannot be: libcrypto only refers to what it was given. But what a peer sends must not stop us.
                throw .notConforming(ChainPosition(depth: Int(depth)), "the path leaves the chain")
            }
            path.append(certificate)
        }
        return path
    }

    /// The certificate whose object this is.
    private func known(_ x509: OpaquePointer?) -> Certificate? {
        // SAFETY: pointers are compared, not followed. An object that is alive has an address of its own.
        let isIt = { (certificate: Certificate) in unsafe certificate.handle.pointer == x509 }
        return isIt(peer) ? peer : sent.first(where: isIt) ?? authorities.first(where: isIt)
    }

    private func refusal(_ context: borrowing Owned) -> CertificateRefusal {
        // SAFETY: the context is alive.
        let code = unsafe X509_STORE_CTX_get_error(context.pointer)
        let depth = unsafe X509_STORE_CTX_get_error_depth(context.pointer)
        let culprit = unsafe known(X509_STORE_CTX_get_current_cert(context.pointer))
        return VerifyFailure(code: code, place: ChainPosition(depth: Int(max(0, depth))), culprit: culprit).refusal
    }
}
