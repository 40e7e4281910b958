/// Which release of the module the fake plays.
public enum FakeProfile: String, CaseIterable, Sendable {
    /// Release 1.5.01, call by call as it was recorded.
    case release1501 = "1.5.01"
    /// What is known of the 1.5 releases after it: VP.INIT with an x2APIC id, and what SYS.RD says of that.
    case later = "1.5-later"

    /// Whether recordings of the real module were replayed against it and agreed.
    public var isHeldAgainstRecordings: Bool { self == .release1501 }
}

extension FakeProfile {
    /// TDX_FEATURES0; bit 8, local attestation, as the processor has it.
    var features0: UInt64 {
        let of1501: UInt64 = 0xf0fbf
        // Topology enumeration, CLFLUSH_BEFORE_ALLOC, virtual address width.
        let later: UInt64 = 1 << 20 | 1 << 23 | 1 << 27
        return self == .release1501 ? of1501 : of1501 | later
    }

    /// UPDATE_VERSION and BUILD_NUM; of the later ones those that Linux names as the least it takes.
    var updateVersion: UInt64 { self == .release1501 ? 1 : 6 }
    var buildNumber: UInt64 { self == .release1501 ? 0 : 744 }

    /// MAX_VCPUS_PER_TD; nil where only the member's width limits it.
    var maxVCPUsPerTD: UInt32? { self == .release1501 ? nil : 576 }

    /// Bits of CONFIG_FLAGS beyond the platform's: MAXPA_VIRT.
    var addedConfigFlags: UInt64 { self == .release1501 ? 0 : 1 << 3 }

    /// Whether VP.INIT takes version 1, with an x2APIC id.
    var hasVPInitX2APICID: Bool { self == .later }

    /// The releases in the field table whose fields there are.
    var fieldReleases: Set<String> { self == .release1501 ? ["1.5.01"] : ["1.5.01", "later"] }
}
