/// Writes the files of a PKI folder, each where `PKILayout` says and with the mode it says.
struct PKIFiles {
    let path: String

    func write(_ bytes: [UInt8], as name: String, replacing: Bool) throws(CertificateError) {
        try FileWriting.write(bytes, to: path + "/" + name, replacing: replacing)
    }

    func write(_ key: PrivateKey, as name: String, replacing: Bool) throws(CertificateError) {
        try key.withPEM { (pem) throws(CertificateError) in
            try FileWriting.write(
                pem, to: path + "/" + name, mode: FileWriting.secretMode, replacing: replacing)
        }
    }

    /// The CA's memory first: what is in use must be in the list of what can be revoked. Then the key, because a reader
    /// looks for the certificate.
    func write(_ issued: CertifiedKey, as name: String, replacing: Bool) throws(CertificateError) {
        let certificate = issued.certificate
        try write(certificate.pem, as: PKILayout.issued(certificate.serial), replacing: false)
        try write(issued.key, as: PKILayout.key(of: name), replacing: replacing)
        try write(certificate.pem, as: PKILayout.certificate(of: name), replacing: replacing)
    }
}
