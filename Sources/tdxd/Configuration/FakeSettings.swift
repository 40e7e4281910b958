internal import FakeTDX

/// The machine the fake plays, and how long things take on it.
struct FakeSettings: Hashable, Sendable {
    let profile: FakeProfile
    let packages: Int
    let processors: Int
    /// KeyIDs a TD may get; the module's own comes on top.
    let keyIDs: Int
    let writeBack: Duration
    let writeBackSlice: Duration
    let keyConfiguration: Duration
    let call: Duration

    /// As without any setting.
    static let standard = FakeSettings(packages: 2, processors: 4, keyIDs: 31)

    private init(packages: Int, processors: Int, keyIDs: Int) {
        profile = .release1501
        self.packages = packages
        self.processors = processors
        self.keyIDs = keyIDs
        writeBack = .zero
        writeBackSlice = .microseconds(500)
        keyConfiguration = .zero
        call = .zero
    }

    init(_ values: EffectiveConfiguration) throws(ConfigurationError) {
        guard let profile = FakeProfile(rawValue: try values.text(.fakeProfile)) else {
            let all = FakeProfile.allCases.map(\.rawValue).joined(separator: ", ")
            throw values.error(.fakeProfile, "must be one of \(all)")
        }
        self.profile = profile
        packages = values.number(.fakePackages)
        processors = values.number(.fakeProcessors)
        guard processors.isMultiple(of: packages) else {
            throw values.error(.fakeProcessors, "must be a multiple of the packages, which are \(packages)")
        }
        keyIDs = values.number(.fakeKeyIDs)
        writeBack = .milliseconds(values.number(.fakeWriteBack))
        writeBackSlice = .microseconds(values.number(.fakeSlice))
        keyConfiguration = .microseconds(values.number(.fakeKeyConfig))
        call = .microseconds(values.number(.fakeCall))
    }
}
