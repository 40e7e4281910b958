internal import Certificates
internal import ControlAPI

/// All that TLS listeners go by, read from its files at one time and found to fit together.
struct TLSMaterial: Sendable {
    let own: CertifiedKey
    let trust: TrustStore
    let roles: RoleFile

    /// - Throws: which file cannot be used, and why.
    init(reading files: TLSFiles) throws(TLSFault) {
        do throws(CertificateError) {
            own = try CertifiedKey(chainFile: files.certificate.path, keyFile: files.key.path)
            trust = try TrustStore(
                authorityFiles: files.clientAuthorities.map(\.path),
                revocationListFiles: files.revocationLists.map(\.path))
        } catch {
            throw TLSFault(error, among: files)
        }
        if let purposes = own.certificate.purposes, !purposes.contains(.serverAuth), !purposes.contains(.any) {
            let found = purposes.map(\.description).joined(separator: ", ")
            throw TLSFault(files.certificate, "is for \(found), not for serverAuth: no client would take it")
        }
        roles = try Self.roles(files.roles)
    }

    private static func roles(_ file: TLSFiles.File) throws(TLSFault) -> RoleFile {
        let bytes: [UInt8]
        do throws(CertificateError) {
            bytes = try CertificateFile.roles(at: file.path, limit: RoleFile.sizeMax)
        } catch {
            throw TLSFault(file, error.reason.description)
        }
        do throws(ItemFault) { return try RoleFile(json: bytes) } catch { throw TLSFault(file, error.reason) }
    }
}

/// Why a file of certificates, keys, trust or roles cannot be used.
struct TLSFault: Error, Hashable, Sendable, CustomStringConvertible {
    let file: TLSFiles.File
    let reason: String

    init(_ file: TLSFiles.File, _ reason: String) {
        self.file = file
        self.reason = reason
    }

    fileprivate init(_ error: CertificateError, among files: TLSFiles) {
        if error.reason == .keyDoesNotMatch {
            self.init(files.key, "is not the key of \(files.certificate.path)")
            return
        }
        let place = error.entry.map { "entry \($0): " } ?? ""
        self.init(files.all.first { $0.path == error.file } ?? files.certificate, place + error.reason.description)
    }

    /// The setting, the file, and what is wrong.
    var description: String { "\(file.setting): \(file.path): \(reason)" }
}
