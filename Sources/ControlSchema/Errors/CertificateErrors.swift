/// Why a client on a TLS listener is nobody: what is wrong with its certificate, or that nobody has given it a role.
extension OwnError {
    public static let clientCertificateRequired = OwnError(
        "client-certificate-required", 403, "A client certificate is needed",
        "This listener knows its clients by their certificates, and none was shown.",
        remedy: "Connect with a client certificate of a CA that is trusted here: curl --cert FILE --key FILE.")
    public static let clientCertificateMalformed = OwnError(
        "client-certificate-malformed", 403, "The client certificate cannot be read",
        "What was shown is no X.509 certificate, or one that breaks the rules of its encoding.",
        remedy: "Have the certificate issued again.")
    public static let clientCertificateChainTooLong = OwnError(
        "client-certificate-chain-too-long", 403, "Too many certificates were shown",
        "The client shows, or the path to a trusted CA needs, more certificates than are followed.",
        remedy: "Show the client's own certificate and the CAs between it and the trusted one.")
    public static let clientCertificateUnknownAuthority = OwnError(
        "client-certificate-unknown-ca", 403, "The client certificate is of an unknown CA",
        "No path leads from the certificate to a CA that is trusted here.",
        remedy: "Use a certificate of a CA that /host lists, and show the CAs between; or have the CA "
            + "added to --client-ca.")
    public static let clientCertificateBadSignature = OwnError(
        "client-certificate-bad-signature", 403, "A signature in the certificate chain is wrong",
        "The certificate, or a CA between it and the trusted one, was not signed by its issuer.",
        remedy: "Have the certificate issued again.")
    public static let clientCertificateExpired = OwnError(
        "client-certificate-expired", 403, "The client certificate has expired",
        "The certificate, or a CA between it and the trusted one, ended; the detail says when.",
        remedy: "Have it renewed; compare the clocks of both hosts if it should not have ended.")
    public static let clientCertificateNotYetValid = OwnError(
        "client-certificate-not-yet-valid", 403, "The client certificate is not valid yet",
        "The certificate, or a CA between it and the trusted one, begins later; the detail says when.",
        remedy: "Wait until then; compare the clocks of both hosts if it should have begun.")
    public static let clientCertificateWrongPurpose = OwnError(
        "client-certificate-wrong-purpose", 403, "The certificate is not for clients",
        "It is a CA's own, is for servers only, or its key must not sign.",
        remedy: "Use a certificate whose purpose is clientAuth.")
    public static let clientCertificateNotAnAuthority = OwnError(
        "client-certificate-issuer-is-no-ca", 403, "A certificate was issued by one that is no CA",
        "A certificate in the path must not issue others.",
        remedy: "Have the certificate issued by a CA.")
    public static let clientCertificatePathLengthExceeded = OwnError(
        "client-certificate-path-length-exceeded", 403, "There are more CAs in the path than one of them allows",
        "A CA in the path limits how many may follow below it.",
        remedy: "Have the certificate issued by a CA further up.")
    public static let clientCertificateNameNotPermitted = OwnError(
        "client-certificate-name-not-permitted", 403, "A CA gave a name that it must not give",
        "Name constraints of a CA in the path exclude a name of a certificate below it.",
        remedy: "Have the certificate issued by a CA that may give the name.")
    public static let clientCertificateRevoked = OwnError(
        "client-certificate-revoked", 403, "The client certificate was revoked",
        "A revocation list names the certificate, or a CA in its path; the detail says since when and why.",
        remedy: "Use another certificate; the CA's administrator knows the reason.")
    public static let clientCertificateRevocationUnknown = OwnError(
        "client-certificate-revocation-unknown", 403, "Whether the client certificate was revoked cannot be told",
        "The revocation list of a CA in the path is missing, outdated or does not hold.",
        remedy: "The host's administrator has to provide a newer list; see tls in /host.")
    public static let clientCertificateWeakKey = OwnError(
        "client-certificate-weak-key", 403, "A key in the certificate chain is not accepted",
        "It is too short, or of a kind that is not relied on: RSA needs 2048 bits; the detail names the key.",
        remedy: "Have the certificate issued for a stronger key.")
    public static let clientCertificateWeakSignature = OwnError(
        "client-certificate-weak-signature", 403, "A signature in the certificate chain is not accepted",
        "A certificate is signed with an algorithm that is not strong enough, such as SHA-1.",
        remedy: "Have the certificate issued again, signed with SHA-256 or better.")
    public static let clientCertificateNotConforming = OwnError(
        "client-certificate-not-conforming", 403, "The certificate chain breaks a rule of RFC 5280",
        "The detail has the rule in the words of the library that checks it.",
        remedy: "Have the certificate issued again.")
    public static let clientIdentityUnknown = OwnError(
        "client-identity-unknown", 403, "Your identity has no role here",
        "The certificate is in order, but neither its URIs nor its SHA-256 are in the file of roles; the detail has them.",
        remedy: "Ask the host's administrator to put one of them into the file given with --roles.")

    static let ofCertificates = [
        clientCertificateRequired, clientCertificateMalformed, clientCertificateChainTooLong,
        clientCertificateUnknownAuthority, clientCertificateBadSignature, clientCertificateExpired,
        clientCertificateNotYetValid, clientCertificateWrongPurpose, clientCertificateNotAnAuthority,
        clientCertificatePathLengthExceeded, clientCertificateNameNotPermitted, clientCertificateRevoked,
        clientCertificateRevocationUnknown, clientCertificateWeakKey, clientCertificateWeakSignature,
        clientCertificateNotConforming, clientIdentityUnknown,
    ]
}
