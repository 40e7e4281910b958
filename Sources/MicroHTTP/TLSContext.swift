internal import CMicroHTTPD
internal import Glibc
internal import Threading

/// One configuration of a TLS listener, as GnuTLS wants it. A connection holds the one it began with until it is over,
/// since its session points into it.
@safe final class TLSContext: Sendable {
    /// 1.2 and 1.3 only, AEAD and forward secrecy only. X25519 comes first because GnuTLS would otherwise prefer P-256,
    /// whose key exchange costs a third more of the handshake.
    static let priorities =
        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"
        + ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

    // SAFETY of all uses: written in `init` only; GnuTLS reads it from many sessions at once; freed in `deinit`.
    private nonisolated(unsafe) let credentials: gnutls_certificate_credentials_t
    private let ticketKey: TicketKey
    let verify: @Sendable ([[UInt8]]) -> ClientCertificateVerdict

    init(_ configuration: TLSConfiguration) throws(ListenerError) {
        verify = configuration.verify
        ticketKey = try TicketKey()
        var allocated: gnutls_certificate_credentials_t?
        // SAFETY: the call allocates and writes one pointer.
        let outcome = unsafe gnutls_certificate_allocate_credentials(&allocated)
        guard let credentials = unsafe allocated else { throw .unusableCertificate(Self.reason(outcome)) }
        let result = unsafe Self.set(configuration, in: credentials)
        guard result >= 0 else {
            // SAFETY: nothing points to it yet.
            unsafe gnutls_certificate_free_credentials(credentials)
            throw .unusableCertificate(Self.reason(result))
        }
        unsafe self.credentials = credentials
    }

    deinit {
        // SAFETY: every session that used it is over: its connection held this object.
        unsafe gnutls_certificate_free_credentials(credentials)
    }

    /// Readies a session that has not begun its handshake; false when it must not go on.
    func prepare(_ session: gnutls_session_t) -> Bool {
        // SAFETY: the library made the session and nobody else uses it yet. It keeps a pointer to the credentials, which
        // live as long as its connection does.
        unsafe gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST)
        unsafe gnutls_handshake_set_max_packet_length(session, Limits.handshakeMessageBytes)
        unsafe gnutls_db_set_cache_expiration(session, Limits.ticketSeconds)
        let result = unsafe gnutls_credentials_set(
            session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials))
        return unsafe result == 0 && ticketKey.enable(in: session)
    }

    private static func set(
        _ configuration: TLSConfiguration, in credentials: gnutls_certificate_credentials_t
    ) -> Int32 {
        var (chain, key) = (configuration.certificateChain, configuration.privateKey)
        return unsafe chain.withUnsafeMutableBufferPointer { chain in
            unsafe key.withUnsafeMutableBufferPointer { key in
                var chain = unsafe gnutls_datum_t(data: chain.baseAddress, size: UInt32(clamping: chain.count))
                var key = unsafe gnutls_datum_t(data: key.baseAddress, size: UInt32(clamping: key.count))
                // SAFETY: both are read during the call, which also checks that they belong together.
                return unsafe gnutls_certificate_set_x509_key_mem(credentials, &chain, &key, GNUTLS_X509_FMT_PEM)
            }
        }
    }

    private static func reason(_ code: Int32) -> String {
        // SAFETY: the library's own constant text, or nil for a code it does not know.
        unsafe gnutls_strerror(code).map { unsafe String(cString: $0) } ?? "GnuTLS error \(code)"
    }
}

/// The key under which session tickets are sealed; replaced from time to time, so that what was recorded cannot be read
/// for ever by whoever learns it. A ticket of an earlier key costs its client a full handshake, nothing else.
@safe final class TicketKey: Sendable {
    // SAFETY of all uses: the bytes belong to the ticket key and are touched with its lock held.
    @safe private struct State {
        var key: gnutls_datum_t
        var made: MonotonicTime
    }

    private let state: Locked<State>

    init() throws(ListenerError) {
        guard let key = unsafe Self.make() else { throw .unusableCertificate("no random bytes for a ticket key") }
        state = unsafe Locked(State(key: key, made: .now))
    }

    deinit { state.withLock { unsafe microhttpd_forget_ticket_key(&$0.key) } }

    /// Offers tickets in a session; GnuTLS copies the key.
    func enable(in session: gnutls_session_t) -> Bool {
        state.withLock { state in
            if MonotonicTime.now.duration(since: state.made) > Limits.ticketKeyLife, let fresh = unsafe Self.make() {
                unsafe microhttpd_forget_ticket_key(&state.key)
                state = unsafe State(key: fresh, made: .now)
            }
            return unsafe gnutls_session_ticket_enable_server(session, &state.key) == 0
        }
    }

    private static func make() -> gnutls_datum_t? {
        var key = unsafe gnutls_datum_t()
        // SAFETY: the call allocates the bytes and writes their place; `microhttpd_forget_ticket_key` frees them.
        return unsafe gnutls_session_ticket_key_generate(&key) == 0 ? key : nil
    }
}
