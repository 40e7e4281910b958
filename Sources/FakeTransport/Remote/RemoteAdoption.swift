public import TDXCalls
internal import Threading

// Taking over from a process that is gone: as with the kernel shim, a session is known by what only its owner knew.

extension RemoteModule {
    /// What became of the wish to take a session over.
    public enum Takeover: Hashable, Sendable {
        /// What it held is ours.
        case taken
        /// There is no such session here: nothing was left, or the module is another.
        case nothing
        /// Its client is still there.
        case inUse
    }

    /// How long a client that has just died may take to be seen off.
    static let takeoverPatience = Duration.seconds(5)
    private static let takeoverPause = Duration.milliseconds(20)

    /// Takes over what another session left.
    ///
    /// - Parameter session: its ``session``.
    public func takeOver(_ session: [UInt64]) throws(PortError) -> Takeover {
        guard session.count == 2 else { return .nothing }
        let end = MonotonicTime.now.advanced(by: Self.takeoverPatience)
        while true {
            let answer = try exchange(request(.adopt, session[0], session[1])).registers.rcx
            switch AdoptionAnswer(rawValue: answer) {
            case .taken: return .taken
            case .nothing: return .nothing
            case .inUse where MonotonicTime.now < end: sleepBlocking(Self.takeoverPause)
            case .inUse: return .inUse
            case nil: throw PortError(.outcomeUnknown, "an answer of no sort: \(answer)")
            }
        }
    }

    /// What the module holds of this session's.
    public func inventory() throws(PortError) -> HostInventory {
        var inventory = HostInventory()
        do throws(MessageFault) {
            for object in try list(.listPages) { inventory.pages.append(try HeldPage(object)) }
            for object in try list(.listKeyIDs) { inventory.keyIDs.append(try HeldKeyID(object)) }
        } catch {
            throw PortError(.outcomeUnknown, error.reason)
        }
        return inventory
    }

    private func list(_ kind: MessageKind) throws(MessageFault) -> [HeldObject] {
        var objects: [HeldObject] = []
        while true {
            let reply: ModuleReply
            do throws(PortError) {
                reply = try exchange(request(kind, objects.last?.number ?? 0))
            } catch {
                throw MessageFault(error.explanation)
            }
            guard reply.registers.rcx <= UInt64(HeldObject.listMax) else { throw MessageFault("a list is too long") }
            if reply.registers.rcx == 0 { return objects }
            var reader = ByteReader(reply.payload)
            for _ in 0..<reply.registers.rcx {
                let object = try HeldObject(&reader)
                guard object.number > objects.last?.number ?? 0 else { throw MessageFault("a list does not ascend") }
                objects.append(object)
            }
        }
    }
}
