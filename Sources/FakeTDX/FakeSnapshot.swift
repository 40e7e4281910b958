internal import Synchronization
internal import TDXCalls

/// All the module keeps, to be compared: what a refused leaf must not change. Random and time-dependent values are
/// part of it, locks too.
public struct FakeSnapshot: Equatable, Sendable {
    struct Page: Equatable, Sendable {
        let type: UInt64
        let owner: UInt64
        let size: Int
        let blockEpoch: UInt64
        let isLocked: Bool
    }

    struct TD: Equatable, Sendable {
        let keyID: UInt16
        let uuid: [UInt64]
        let isFatal: Bool
        let lifecycle: Lifecycle
        let configuredPackages: UInt64
        let tdcs: [UInt64]
        let childCount: UInt64
        let opState: OpState
        let configuration: TDConfiguration
        let measurement: [UInt8]
        let mrtd: [UInt8]
        let migrationKey: [UInt64]
        let vcpuCount: UInt32
        let associatedVCPUs: UInt32
        let epoch: UInt64
        let running: [Int]
        let writable: [UInt64]
        /// Entries that are not free, by level and guest address.
        let sept: [UInt64: UInt64]
        let heldLocks: [Bool]
    }

    struct VCPU: Equatable, Sendable {
        let pages: [UInt64]
        let index: UInt32
        let phase: VCPUPhase
        let association: UInt32
        let epoch: UInt64
        let fields: [UInt64]
        let sparse: [Int: UInt64]
    }

    let state: SystemState
    /// State of each KeyID, as the key table keeps it.
    public let keys: [UInt64]
    let configuredPackages: UInt64
    let writeBacks: [WriteBackPosition?]
    let initializedProcessors: [Bool]
    let usableEnds: [UInt64]
    let heldLocks: [Bool]
    let pages: [UInt64: Page]
    let tds: [UInt64: TD]
    let vcpus: [UInt64: VCPU]

    /// Whether anybody holds any of the module's locks.
    public var isAnyLockHeld: Bool {
        heldLocks.contains(true) || pages.values.contains(where: \.isLocked)
            || tds.values.contains { $0.heldLocks.contains(true) }
    }

    /// Pages that a TD holds.
    public var ownedPages: Int { pages.values.count { $0.type > 1 } }
}
