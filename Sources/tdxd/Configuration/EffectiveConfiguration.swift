internal import Configuration

/// What is in force: one value for each setting that has one, and where it came from.
struct EffectiveConfiguration: Sendable {
    struct Value: Hashable, Sendable {
        let content: ConfigContent
        let source: ValueSource
    }

    private let values: [Setting: Value]

    /// - Throws: for a number out of its range.
    init(_ values: [Setting: Value]) throws(ConfigurationError) {
        for setting in Setting.all {
            guard case .number(let range) = setting.kind, let value = values[setting],
                case .int(let number) = value.content, !range.contains(number)
            else { continue }
            throw ConfigurationError(
                value.source, setting, "must lie between \(range.lowerBound) and \(range.upperBound)")
        }
        self.values = values
    }

    subscript(setting: Setting) -> Value? { values[setting] }

    /// - Throws: if nothing sets it and there is no default.
    func text(_ setting: Setting) throws(ConfigurationError) -> String {
        guard case .string(let text) = values[setting]?.content else {
            throw ConfigurationError(.standard, setting, "there is none here: set it")
        }
        return text
    }

    /// Nil if nothing sets it.
    func optionalText(_ setting: Setting) -> String? {
        guard case .string(let text) = values[setting]?.content else { return nil }
        return text
    }

    /// Whether anything but the defaults has a say.
    func isSet(_ setting: Setting) -> Bool { values[setting].map { $0.source != .standard } ?? false }

    /// Where the value stands, in words; where it would stand by default, if there is none.
    func sourceName(of setting: Setting) -> String {
        (values[setting]?.source ?? .standard).name(of: setting)
    }

    func number(_ setting: Setting) -> Int {
        guard case .int(let number) = values[setting]?.content else {
            preconditionFailure("\(setting.name) is a number with a default")
        }
        return number
    }

    func list(_ setting: Setting) -> [String] {
        guard case .stringArray(let list) = values[setting]?.content else { return [] }
        return list
    }

    /// Blames the source of `setting`'s value.
    func error(_ setting: Setting, _ reason: String) -> ConfigurationError {
        ConfigurationError(values[setting]?.source ?? .standard, setting, reason)
    }

    /// One line for each setting: name, value, source.
    var report: String {
        Setting.all.map { setting in
            guard let value = values[setting] else { return "\(setting.key) unset" }
            return "\(setting.key) = \(value.content.text)  (\(value.source.label))"
        }.joined(separator: "\n")
    }
}

extension ConfigContent {
    fileprivate var text: String {
        switch self {
        case .string(let text): text
        case .int(let number): String(number)
        case .stringArray(let list): "[" + list.joined(separator: " ") + "]"
        default: preconditionFailure("no setting is of this type")
        }
    }
}
