internal import COpenSSL

enum KeyKindReader {
    /// Bytes of the longest curve name.
    private static let curveBytesMax = 64

    static func kind(of key: OpaquePointer?) -> PublicKeyKind {
        // SAFETY: the key belongs to an object that the caller keeps alive.
        guard let key = unsafe key else { return .other("unreadable") }
        let type = unsafe EVP_PKEY_get_base_id(key)
        switch type {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: return .rsa(bits: unsafe Int(EVP_PKEY_get_bits(key)))
        case EVP_PKEY_ED25519: return .ed25519
        case EVP_PKEY_ED448: return .ed448
        case EVP_PKEY_EC: return unsafe curve(of: key)
        default: return .other(ObjectText.longName(type))
        }
    }

    private static func curve(of key: OpaquePointer) -> PublicKeyKind {
        // A curve written out in full may look like a known one and have another base point.
        var isWrittenOut: Int32 = 0
        // SAFETY: the key is the caller's; the buffers are as long as said.
        if unsafe EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &isWrittenOut) == 1,
            isWrittenOut == 1
        {
            return .other("a curve with explicit parameters")
        }
        var name = [CChar](repeating: 0, count: curveBytesMax)
        var length = 0
        guard unsafe EVP_PKEY_get_group_name(key, &name, name.count, &length) == 1 else {
            ErrorQueue.clear()
            return .other("a curve without a name")
        }
        switch String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) {
        case SN_X9_62_prime256v1: return .p256
        case SN_secp384r1: return .p384
        case SN_secp521r1: return .p521
        case let other: return .other("curve \(other)")
        }
    }
}

extension SignatureKind {
    /// The numbers are libcrypto's, of the key's algorithm and of the digest's.
    static func isAccepted(key: Int32, digest: Int32) -> Bool {
        switch key {
        case NID_ED25519, NID_ED448: true
        case NID_rsaEncryption, NID_rsassaPss, NID_X9_62_id_ecPublicKey:
            digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512
        default: false
        }
    }
}
