internal import ControlSchema
internal import HTTPExchange
internal import HTTPTypes

extension ControlAPI {
    static let fakeRoutes: [Route] = [
        Route(.get, "/fake/hazards", "listHazards", .operator) { api, call throws(Refused) in
            guard var hazards = api.hazards?() else {
                throw Refused(.backendIsNoFake, "the back end is \(api.service.backend.kind)")
            }
            if !call.role.seesRegisters { for index in hazards.items.indices { hazards.items[index].page = nil } }
            let list = hazards
            api.answer(call, revision: hazards.revision) { EncodedBody(ControlJSON.encode(list)) }
        }
    ]
}
