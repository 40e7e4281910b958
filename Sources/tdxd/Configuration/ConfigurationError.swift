/// Why the configuration cannot be used: where the value came from, and what is wrong with it.
struct ConfigurationError: Error, Hashable, Sendable {
    /// The flag, the variable, or the file with the member.
    let source: String
    let reason: String
    let exit: ExitStatus

    init(_ source: ValueSource, _ setting: Setting, _ reason: String) {
        self.source = source.name(of: setting)
        self.reason = reason
        exit = source == .flag ? .usage : .configuration
    }

    /// About a file that a setting names.
    init(_ fault: TLSFault) {
        source = "\(fault.file.setting): \(fault.file.path)"
        reason = fault.reason
        exit = .configuration
    }

    /// About the file as a whole.
    init(file path: String, _ reason: String) {
        source = path
        self.reason = reason
        exit = .configuration
    }
}

extension ConfigurationError: CustomStringConvertible {
    var description: String { "\(source): \(reason)" }
}

/// Where a value came from, from the strongest to the weakest.
enum ValueSource: Hashable, Sendable {
    case flag
    case environment
    case file(path: String)
    case standard

    /// How the place is called where a value for `setting` stands or would stand.
    func name(of setting: Setting) -> String {
        switch self {
        case .flag: setting.flag
        case .environment: setting.variable
        case .file(let path): "\(path): \(setting.key)"
        case .standard: "default of \(setting.flag)"
        }
    }

    var label: String {
        switch self {
        case .flag: "flag"
        case .environment: "environment"
        case .file(let path): path
        case .standard: "default"
        }
    }
}
