internal import Configuration
internal import Threading

/// Everything that may set something, from the strongest to the weakest: flags, environment, file, defaults.
struct ConfigurationSources: Sendable {
    /// Between the items of a list in an environment variable; a comma is part of some items.
    static let listSeparator: Character = ";"

    var flags: [Setting: ConfigContent]
    var environment: [String: String]
    var file: ConfigurationFile?
    var standards: [Setting: ConfigContent]

    /// Each setting's value from the strongest source that has one.
    ///
    /// - Throws: when the strongest source's value is not of the setting's type or range.
    func effective() throws(ConfigurationError) -> EffectiveConfiguration {
        let provenance = Provenance()
        var providers: [any ConfigProvider] = [
            Self.provider("flags", flags),
            EnvironmentVariablesProvider(environmentVariables: environment, arraySeparator: Self.listSeparator)
                .prefixKeys(with: ConfigKey([Setting.variablePrefix.lowercased()])),
        ]
        var sources: [ValueSource] = [.flag, .environment]
        if let file {
            providers.append(Self.provider(file.path, file.values))
            sources.append(.file(path: file.path))
        }
        providers.append(Self.provider("defaults", standards))
        sources.append(.standard)
        let reader = ConfigReader(providers: providers, accessReporter: provenance)
        var values: [Setting: EffectiveConfiguration.Value] = [:]
        for setting in Setting.all {
            switch setting.kind {
            case .text: _ = reader.string(forKey: ConfigKey([setting.key]))
            case .number: _ = reader.int(forKey: ConfigKey([setting.key]))
            case .list: _ = reader.stringArray(forKey: ConfigKey([setting.key]))
            }
            guard let (place, content) = try provenance.take(setting, sources) else { continue }
            values[setting] = EffectiveConfiguration.Value(content: content, source: place)
        }
        return try EffectiveConfiguration(values)
    }

    /// Variables that look like ours and set nothing: most likely misspelt.
    var unknownVariables: [String] {
        let known = Set(Setting.all.map(\.variable) + [Self.fileVariable])
        return environment.keys.filter { $0.hasPrefix(Setting.variablePrefix + "_") && !known.contains($0) }.sorted()
    }

    /// Names the configuration file where no `--config` does.
    static let fileVariable = Setting.variablePrefix + "_CONFIG"

    private static func provider(_ name: String, _ values: [Setting: ConfigContent]) -> InMemoryProvider {
        let pairs = values.map { (AbsoluteConfigKey([$0.key.key]), ConfigValue($0.value, isSecret: false)) }
        return InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: pairs))
    }
}

/// Remembers which provider gave the last value, which the reader itself does not tell.
private final class Provenance: AccessReporter {
    private let last = Locked<AccessEvent?>(nil)

    func report(_ event: AccessEvent) { last.withLock { $0 = event } }

    /// The value last read and where it came from; nil if no provider had one.
    func take(
        _ setting: Setting, _ sources: [ValueSource]
    ) throws(ConfigurationError) -> (ValueSource, ConfigContent)? {
        guard let results = last.withLock({ $0 })?.providerResults, let decisive = results.last else { return nil }
        // Providers are asked in order up to the first that has a value or cannot give it as asked.
        let source = sources[results.count - 1]
        switch decisive.result {
        case .success(let found): return found.value.map { (source, $0.content) }
        case .failure: throw ConfigurationError(source, setting, setting.kind.expectation)
        }
    }
}
