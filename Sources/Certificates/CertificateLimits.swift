/// What is the most that is read; beyond is refused before it is parsed.
public enum CertificateLimits {
    /// Bytes of one certificate. Ordinary ones have one to two thousand.
    public static let certificateBytesMax = 32 * 1024
    /// Certificates that a peer may send, its own included.
    public static let chainLengthMax = 6
    /// CA certificates of a trust store.
    public static let authoritiesMax = 64
    /// Names of one certificate.
    public static let namesMax = 128
    /// Bytes of one name.
    public static let nameBytesMax = 2048
    /// Purposes of one certificate.
    public static let purposesMax = 32
    /// Bytes of a serial number, as RFC 5280 limits it.
    public static let serialBytesMax = 20
    /// Bytes of a file of certificates.
    public static let certificateFileBytesMax = 1024 * 1024
    /// Bytes of a file with a key.
    public static let keyFileBytesMax = 16 * 1024
    /// Bytes of one revocation list.
    public static let revocationListBytesMax = 8 * 1024 * 1024
    /// Revocation lists of a trust store.
    public static let revocationListsMax = 64
    /// Entries of one PEM file.
    public static let fileEntriesMax = 256
}
