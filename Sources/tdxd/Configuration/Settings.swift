internal import ControlAPI
internal import Logging
internal import MicroHTTP

/// The configuration in the types that the assembly needs.
struct Settings: Sendable {
    let module: ModuleChoice
    let shim: ShimSettings
    let socketPath: String
    /// Permissions of the socket's file.
    let socketMode: UInt32
    let socketRoles: [SocketRole]
    let plainListeners: [PlainListener]
    let tlsListeners: [ListenPlace]
    /// Nil without TLS.
    let tlsFiles: TLSFiles?
    let engineThreads: Int
    let httpThreads: Int
    /// Of each listener.
    let limits: Limits
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let drainTimeout: Duration
    let audit: AuditSettings
    /// Nil where nothing is recorded.
    let record: RecordSettings?
    /// Nil is no limit, as with the next two.
    let requestRate: RequestRate?
    let operationsPerPrincipal: Int?
    let keyIDsPerPrincipal: Int?
    let images: ImageSettings
    let fake: FakeSettings

    init(_ values: EffectiveConfiguration) throws(ConfigurationError) {
        module = try Self.module(values)
        shim = try ShimSettings(values)
        socketPath = try values.text(.socket)
        guard let mode = UInt32(try values.text(.socketMode), radix: 8), mode <= 0o777 else {
            throw values.error(.socketMode, "must be permissions in octal, such as 660")
        }
        socketMode = mode
        socketRoles = try Self.items(.socketRole, in: values, SocketRole.init(_:))
        guard Set(socketRoles.map(\.who)).count == socketRoles.count else {
            throw values.error(.socketRole, "names the same user or group twice")
        }
        plainListeners = try Self.items(.listenPlain, in: values, PlainListener.init(_:))
        guard Set(plainListeners.map(\.name)).count == plainListeners.count else {
            throw values.error(.listenPlain, "names the same place twice")
        }
        tlsListeners = try Self.items(.listenTLS, in: values) { (text) throws(ItemFault) in try ListenPlace(text) }
        guard Set(tlsListeners).count == tlsListeners.count else {
            throw values.error(.listenTLS, "names the same place twice")
        }
        tlsFiles = try TLSFiles(values)
        engineThreads = values.number(.threads)
        httpThreads = values.number(.httpThreads)
        limits = Limits(values)
        logLevel = try Self.choice(.logLevel, in: values)
        logFormat = try Self.choice(.logFormat, in: values)
        drainTimeout = .seconds(values.number(.drainTimeout))
        audit = AuditSettings(
            place: try values.text(.audit), scope: try Self.choice(.auditRequests, in: values))
        record = RecordSettings(values)
        requestRate = Self.limit(.limitRequestsPerSecond, in: values).map {
            RequestRate(perSecond: $0, burst: values.number(.limitRequestBurst))
        }
        operationsPerPrincipal = Self.limit(.limitOperations, in: values)
        keyIDsPerPrincipal = Self.limit(.limitKeyIDs, in: values)
        images = try ImageSettings(values)
        fake = try FakeSettings(values)
    }

    /// Who may do what, given who we are: root and our own user are always administrators.
    ///
    /// - Parameter certificates: who may do what on TLS listeners.
    func accessPolicy(ownUserID: UInt32, certificates: CertificateRoles = CertificateRoles()) -> AccessPolicy {
        var users: [UInt32: Role] = [:]
        var groups: [UInt32: Role] = [:]
        for role in socketRoles {
            switch role.who {
            case .user(let id): users[id] = role.role
            case .group(let id): groups[id] = role.role
            }
        }
        users[0] = .admin
        users[ownUserID] = .admin
        let listeners = Dictionary(uniqueKeysWithValues: plainListeners.map { ($0.name, $0.role) })
        return AccessPolicy(users: users, groups: groups, listeners: listeners, certificates: certificates)
    }

    private static func module(_ values: EffectiveConfiguration) throws(ConfigurationError) -> ModuleChoice {
        let text = try values.text(.module)
        do throws(ItemFault) {
            return try ModuleChoice(text)
        } catch {
            throw values.error(.module, error.reason)
        }
    }

    private static func limit(_ setting: Setting, in values: EffectiveConfiguration) -> Int? {
        let number = values.number(setting)
        return number == 0 ? nil : number
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ setting: Setting, in values: EffectiveConfiguration
    ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try values.text(setting)) else {
            throw values.error(setting, "must be one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    private static func items<Item>(
        _ setting: Setting, in values: EffectiveConfiguration, _ parse: (String) throws(ItemFault) -> Item
    ) throws(ConfigurationError) -> [Item] {
        var items: [Item] = []
        for text in values.list(setting) {
            do throws(ItemFault) {
                items.append(try parse(text))
            } catch {
                throw values.error(setting, "'\(text)': \(error.reason)")
            }
        }
        return items
    }
}

extension Limits {
    fileprivate init(_ values: EffectiveConfiguration) {
        self.init()
        connections = values.number(.maxConnections)
        connectionsPerAddress = values.number(.maxPerAddress)
        headSeconds = UInt32(values.number(.headTimeout))
        bodySeconds = UInt32(values.number(.bodyTimeout))
        idleSeconds = UInt32(values.number(.idleTimeout))
    }
}
