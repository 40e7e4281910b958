internal import TDXCalls
internal import Threading

/// Who runs where: TDs and vCPUs are spread over processors, neighbours in different packages.
struct Placement: Sendable {
    /// Processors in the order they are filled: one of each package in turn.
    private let order: [ProcessorInfo]
    private(set) var load: [Processor: Int] = [:]

    init(_ platform: Platform) {
        let byPackage = Dictionary(grouping: platform.processors, by: \.package)
        var columns = platform.packages.map { (byPackage[$0] ?? [])[...] }
        var order: [ProcessorInfo] = []
        while columns.contains(where: { !$0.isEmpty }) {
            for index in columns.indices {
                if let next = columns[index].popFirst() { order.append(next) }
            }
        }
        self.order = order
    }

    /// The processor with the least on it; the first in order among equals.
    func leastLoaded() -> Processor {
        guard let best = order.min(by: { load[$0.processor, default: 0] < load[$1.processor, default: 0] }) else {
            preconditionFailure("a host without processors executes nothing")
        }
        return best.processor
    }

    mutating func add(_ processor: Processor) { load[processor, default: 0] += 1 }

    mutating func remove(_ processor: Processor) {
        load[processor, default: 0] -= 1
        precondition(load[processor, default: 0] >= 0, "a processor with less than nothing on it")
    }
}

extension Domain {
    /// Where a call runs: where it must, where it was asked for, or at home.
    /// - Parameter leastLoaded: asked where nobody has said where a vCPU shall be.
    func processor(
        for call: Call, asked: Processor?, _ platform: Platform, leastLoaded: () -> Processor
    ) -> Processor {
        switch call {
        case .configureKey(let package), .writeBack(let package, _):
            asked ?? platform.processor(in: package, home: home)
        case .flushVCPU(let number):
            asked ?? vcpus[number].association?.processor ?? home
        case .initializeVCPU(let number):
            asked ?? vcpus[number].spec.processor ?? leastLoaded()
        default:
            asked ?? home
        }
    }
}

extension Platform {
    /// Where a call runs that must run in a package: at home if that is there, else on the package's first.
    func processor(in package: Package, home: Processor) -> Processor {
        if self.package(of: home) == package { return home }
        return processors.first { $0.package == package }?.processor ?? home
    }

    /// All packages, the home's first, so that teardowns of different TDs start on different ones.
    func packages(from home: Processor) -> [Package] {
        guard let start = packages.firstIndex(where: { $0 == package(of: home) }) else { return packages }
        return Array(packages[start...] + packages[..<start])
    }
}
