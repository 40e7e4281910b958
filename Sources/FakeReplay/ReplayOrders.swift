internal import FoundationEssentials
internal import SEAMCALLTrace
internal import TDXCalls

// What a recording wants arranged around its calls, as it goes to a fake in another process: JSON, both ends of it here.

/// What the other end must know of a recording before its first call.
struct ReplayHead: Codable {
    var platform: TracePlatform
    var bringsUpModule: Bool
}

enum ReplayOrder: Codable {
    case enter([String: UInt64], processor: UInt32)
    case exit(Exit, processor: UInt32)
    case write([UInt8], address: UInt64)
    case read(address: UInt64, count: Int)
    case hold(Lock, exclusively: Bool)
    case release(Lock)
    case orderInterrupt(poll: Int)
    case failKeyGenerations(Int)
    case failRandomDraws(Int)

    /// Bytes of memory in one order: written as numbers they fit a message.
    static let memoryBytesMax = 8192

    struct Exit: Codable {
        var reason: UInt16
        var qualification: UInt64
        var guestPhysicalAddress: UInt64
        var registers: [String: UInt64]
    }

    enum Lock: Codable {
        case keyTable, system
        case writeBack(package: Int)
        case page(UInt64)
        case opState(UInt64)
        case septTree(UInt64)
        case epoch(UInt64)
    }
}

struct ReplayOrderAnswer: Codable {
    /// Of an entry or exit: what the host finds in its registers, and RAX, or what the guest finds.
    var host: [String: UInt64]?
    var completion: UInt64?
    var guest: [String: UInt64]?
    var bytes: [UInt8]?
    /// Of a lock: whether it could be had or given back.
    var isDone: Bool?
}

enum ReplayJSON {
    static func encode(_ value: some Encodable) throws(PortError) -> [UInt8] {
        do { return [UInt8](try JSONEncoder().encode(value)) } catch {
            throw PortError(.notExecuted, "a replay's message cannot be written: \(error)")
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(PortError) -> Value {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw PortError(.outcomeUnknown, "a replay's message cannot be read: \(error)")
        }
    }
}

extension Registers {
    var byName: [String: UInt64] {
        Dictionary(uniqueKeysWithValues: Register.allCases.map { ($0.rawValue, self[$0]) })
    }

    mutating func set(_ values: [String: UInt64]) {
        for register in Register.allCases { self[register] = values[register.rawValue] ?? 0 }
    }
}

extension ReplayOrder.Lock {
    init(_ lock: ReplayLock) {
        self =
            switch lock {
            case .keyTable: .keyTable
            case .system: .system
            case .writeBack(let package): .writeBack(package: package)
            case .page(let address): .page(address)
            case .opState(let td): .opState(td)
            case .septTree(let td): .septTree(td)
            case .epoch(let td): .epoch(td)
            }
    }

    var lock: ReplayLock {
        switch self {
        case .keyTable: .keyTable
        case .system: .system
        case .writeBack(let package): .writeBack(package: package)
        case .page(let address): .page(address)
        case .opState(let td): .opState(td: td)
        case .septTree(let td): .septTree(td: td)
        case .epoch(let td): .epoch(td: td)
        }
    }
}
