internal import Certificates
internal import Configuration

/// The files that TLS listeners need, each with the setting that named it.
struct TLSFiles: Hashable, Sendable {
    struct File: Hashable, Sendable {
        let path: String
        /// The flag, the variable or the member of the configuration file, for whoever has to put it right.
        let setting: String
    }

    let certificate: File
    let key: File
    let clientAuthorities: [File]
    /// May be empty: nothing is taken for revoked then.
    let revocationLists: [File]
    let roles: File

    var all: [File] { [certificate, key] + clientAuthorities + revocationLists + [roles] }

    /// Nil when nothing of TLS is set.
    ///
    /// `--pki` stands for the files in a folder of `tdxd pki`; each setting of its own counts before it.
    ///
    /// - Throws: if something is set, but not all that is needed.
    init?(_ values: EffectiveConfiguration) throws(ConfigurationError) {
        guard let cause = Self.settings.first(where: { values.isSet($0) }) else { return nil }
        let folder = values.optionalText(.pki).map { File(path: $0, setting: values.sourceName(of: .pki)) }
        func named(_ setting: Setting) -> [File] {
            let paths = values.optionalText(setting).map { [$0] } ?? values.list(setting)
            return paths.map { File(path: $0, setting: values.sourceName(of: setting)) }
        }
        func files(_ setting: Setting, _ name: String) -> [File] {
            let given = named(setting)
            guard given.isEmpty, let folder else { return given }
            return [File(path: folder.path + "/" + name, setting: folder.setting)]
        }
        let certificate = files(.tlsCertificate, PKILayout.certificate(of: PKILayout.serverName))
        let key = files(.tlsKey, PKILayout.key(of: PKILayout.serverName))
        let authorities = files(.clientCA, PKILayout.authorityCertificate)
        let roles = files(.roles, PKILayout.roleFile)
        for (setting, found) in [
            (Setting.tlsCertificate, certificate), (.tlsKey, key), (.clientCA, authorities), (.roles, roles),
        ] where found.isEmpty {
            throw values.error(cause, "TLS needs \(setting.flag) as well, or \(Setting.pki.flag) with a folder")
        }
        self.certificate = certificate[0]
        self.key = key[0]
        clientAuthorities = authorities
        revocationLists = files(.clientRevocations, PKILayout.revocationList)
        self.roles = roles[0]
    }

    private static let settings: [Setting] = [
        .listenTLS, .pki, .tlsCertificate, .tlsKey, .clientCA, .clientRevocations, .roles,
    ]
}
