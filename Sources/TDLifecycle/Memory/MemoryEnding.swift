internal import TDXCalls

// What an operation on memory leaves behind when it ends.

extension Step {
    /// Regions of this operation's that are there in part or whole.
    private var ownRegions: [GuestRegion] { domain.memory.regions.filter { $0.operation == operation.id } }

    mutating func noteMemory(_ state: Operation.State) {
        let measurement = domain.memory.measurement
        if let actual = measurement.actual, actual != measurement.expected {
            domain.memory.measurement.isDiverged = true
        }
        guard operation.memoryRun != nil else { return }
        domain.memory.tables.forgetPlanned()
        guard state != .succeeded else { return }
        if operation.kind == .addMemory, ownRegions.contains(where: { $0.pagesAdded > 0 }) {
            domain.memory.measurement.isDiverged = true
        }
        let id = operation.id
        domain.memory.regions.removeAll { $0.operation == id && $0.pagesAdded == 0 }
    }

    func noteMemory(_ residue: inout Residue) {
        residue.memory = ownRegions
        residue.septPages = operation.pagesGiven - residue.memory.reduce(0) { $0 + $1.pagesAdded }
        residue.measurementDiverged = !residue.memory.isEmpty
    }
}
