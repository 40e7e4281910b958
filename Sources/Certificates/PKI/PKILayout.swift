/// Which file is what in the folder that `tdxd pki` keeps:
///
///     ca.pem  ca.key      the CA's certificate and key
///     crl.pem             its newest revocation list; there always is one
///     roles.json          which identity has which role; what is in it is the daemon's to know
///     NAME.pem  NAME.key  of the server and of each client, by the name they were issued under
///     issued/SERIAL.pem   every certificate ever issued, without its key: what can be revoked
///
/// The folder has mode 0700 and keys have 0600, so that keys are the owner's alone; the other files can be copied from
/// it to anywhere.
public enum PKILayout {
    public static let authorityCertificate = "ca.pem"
    public static let authorityKey = "ca.key"
    public static let revocationList = "crl.pem"
    public static let roleFile = "roles.json"
    public static let issuedFolder = "issued"
    public static let serverName = "server"

    static let certificateSuffix = ".pem"
    static let keySuffix = ".key"

    public static func certificate(of name: String) -> String { name + certificateSuffix }
    public static func key(of name: String) -> String { name + keySuffix }
    static func issued(_ serial: SerialNumber) -> String { "\(issuedFolder)/\(serial)\(certificateSuffix)" }

    /// The names under which clients are issued certificates when a folder is made: those of the roles.
    public static let roleNames = ["viewer", "operator", "lab", "admin", "metrics"]

    /// The identity of whoever has a role and no name of their own.
    public static func roleURI(_ role: String) -> String { "spiffe://tdxd/role/" + role }

    private static let taken = ["ca", "crl", issuedFolder]
    private static let nameBytesMax = 64

    /// What files can be named after: 1 to 64 lower-case letters, digits, `-`, `_` and inner `.`, no name of our own.
    public static func isName(_ name: String) -> Bool {
        guard (1...nameBytesMax).contains(name.utf8.count), !taken.contains(name), !name.hasPrefix("."),
            !name.hasPrefix("-"), !name.hasSuffix(certificateSuffix), !name.hasSuffix(keySuffix)
        else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
    }
}
