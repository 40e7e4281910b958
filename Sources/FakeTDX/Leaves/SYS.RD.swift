internal import TDXCalls

extension Call {
    /// TDH.SYS.RD, leaf 34: RDX a field id. RDX answers the next id, R8 the value.
    mutating func sysRD() throws(Refusal) -> Completion {
        let id = FieldID(rawValue: registers.rdx)
        registers.rdx = FieldID.none.rawValue
        registers.r8 = 0
        try checkProcessorInitialized()
        let fields = module.systemFields
        if id == .none {
            registers.rdx = fields.firstReadableID
            return .metadataFirstFieldIDInContext
        }
        let place = try fields.resolve(id)
        registers.r8 = try fields.read(place)
        registers.rdx = fields.nextReadableID(after: place)
        return .success
    }
}
