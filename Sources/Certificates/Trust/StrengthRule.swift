/// What libcrypto's security level lets pass and we do not: other algorithms than the accepted ones.
enum StrengthRule {
    static func check(_ path: [Certificate]) throws(CertificateRefusal) {
        for (depth, certificate) in path.enumerated() {
            let place = ChainPosition(depth: depth)
            guard certificate.publicKey.isAccepted else { throw .weakKey(place, certificate.publicKey) }
            // The last one is trusted for itself, however it is signed.
            guard certificate.signature.isAccepted || depth == path.count - 1 else {
                throw .weakSignature(place, certificate.signature)
            }
        }
    }
}
