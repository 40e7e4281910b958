/// One reader for each kind of member.
extension RequestObject {
    mutating func bool(_ name: String) -> Bool? {
        member(name, "true or false") { try $0.decode(Bool.self, forKey: $1) }
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
        member(name, "an integer from \(range.lowerBound) to \(range.upperBound)") {
            let value = try $0.decode(Int.self, forKey: $1)
            return range.contains(value) ? value : nil
        }
    }

    mutating func integer(_ name: String, oneOf values: [Int]) -> Int? {
        member(name, values.map { String($0) }.joined(separator: " or ")) {
            let value = try $0.decode(Int.self, forKey: $1)
            return values.contains(value) ? value : nil
        }
    }

    mutating func integers(_ name: String, in range: ClosedRange<Int>, atMost limit: Int) -> [Int]? {
        member(name, "an array of at most \(limit) integers from \(range.lowerBound) to \(range.upperBound)") {
            let values = try $0.decode([Int].self, forKey: $1)
            return values.count <= limit && values.allSatisfy(range.contains) ? values : nil
        }
    }

    mutating func hex(_ name: String) -> HexValue? {
        member(name, "a string of 0x and 1 to 16 lower-case hexadecimal digits without leading zeros") {
            try $0.decode(HexValue.self, forKey: $1)
        }
    }

    mutating func hex32(_ name: String) -> Hex32? {
        member(name, "a string of 0x and 1 to 8 lower-case hexadecimal digits without leading zeros") {
            try $0.decode(Hex32.self, forKey: $1)
        }
    }

    mutating func hex384(_ name: String) -> Hex384? {
        member(name, "a string of exactly 96 lower-case hexadecimal digits") {
            try $0.decode(Hex384.self, forKey: $1)
        }
    }

    /// A word from a list that is closed, because a request must not ask for what this version does not know.
    mutating func choice<Word: OpenEnum>(_ name: String, _ type: Word.Type) -> Word? {
        member(name, "one of " + Word.known.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")) {
            let word = Word(rawValue: try $0.decode(String.self, forKey: $1))
            return Word.known.contains(word) ? word : nil
        }
    }

    mutating func id(_ name: String, _ kind: IDKind) -> String? {
        member(name, "an id: \(kind.rawValue) and \(IDKind.characterCount) characters") {
            let text = try $0.decode(String.self, forKey: $1)
            return kind.isID(text) ? text : nil
        }
    }

    mutating func object<Value: Decodable>(_ name: String, _ type: Value.Type) -> Value? {
        member(name, "an object") { try $0.decode(Value.self, forKey: $1) }
    }

    mutating func objects<Value: Decodable>(_ name: String, _ type: Value.Type, atMost limit: Int) -> [Value]? {
        member(name, "an array of at most \(limit) objects") {
            var array = try $0.nestedUnkeyedContainer(forKey: $1)
            var values: [Value] = []
            var findings = Findings()
            while !array.isAtEnd {
                guard values.count < limit else { return nil }
                // A decoder that fails stays where it is, so the place is kept by asking for a nested decoder.
                let element = try array.superDecoder()
                do {
                    values.append(try Value(from: element))
                } catch let error as RequestError {
                    findings.add(error)
                    if findings.isFull { break }
                }
            }
            if !findings.isEmpty { throw findings.failure }
            return values
        }
    }

    mutating func name(_ name: String) -> String? {
        var reason: String?
        let value = member(name, "a string") { (container, key) -> String? in
            let text = try container.decode(String.self, forKey: key)
            reason = NameSyntax.violation(in: text)
            return text
        }
        if let reason { refuse(name, reason) }
        return value
    }
}
