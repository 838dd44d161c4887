import JSON
import Testing

@Suite struct JSONTests {
    @Test func readsEveryKindOfValue() throws {
        let value = try JSONValue(parsing: #"{"a":[1,-2,3.5,1e3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{}}"#)
        let elements = try #require(value["a"]?.arrayValue)
        #expect(elements[0] == 1)
        #expect(elements[1] == -2)
        #expect(elements[2] == .double(3.5))
        #expect(elements[3] == 1000)
        #expect(elements[7] == "xé😀\n")
        #expect(value["b"] == .object(JSONObject()))
    }

    @Test func keepsSixtyFourBitIntegersExact() throws {
        let value = try JSONValue(parsing: "[9223372036854775807,-9223372036854775808,18446744073709551615]")
        #expect(value.text() == "[9223372036854775807,-9223372036854775808,18446744073709551615]")
        #expect(value.arrayValue?[2].integerValue(as: UInt64.self) == UInt64.max)
        #expect(value.arrayValue?[2].integerValue(as: Int64.self) == nil)
    }

    @Test(arguments: [
        "", " ", "{", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "nul", "tru", "01", "+1", ".5", "1.", "1e", "- 1",
        "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "[1] 2", "{1:2}", "'a'", "NaN",
        "1e999", "// c\n1", "\u{FEFF}1",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func refusesInvalidUTF8() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x22]] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test func refusesDeepNestingWithoutExhaustingTheStack() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func lastOfEqualKeysCounts() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#)["a"] == 3)
        let many = (0..<100).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(try JSONValue(parsing: "{\(many),\"k5\":77}")["k5"] == 77)
    }

    @Test func writesWhatItReads() throws {
        let text = #"{"z":"\"\\\u0001\n","a":[{"x":1.25},[],{}],"n":null}"#
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(try JSONValue(parsing: value.serialized(indent: 2)) == value)
        #expect(value.text() == text)
    }

    @Test func typedAccessNamesThePath() throws {
        let object = try #require(try JSONValue(parsing: #"{"linux":{"n":"x","list":["a",1],"big":300,"nil":null}}"#).objectValue)
        let error = #expect(throws: JSONError.self) {
            try object.decode("linux") { (inner) throws(JSONError) in try inner.integer("n", as: Int.self) }
        }
        #expect(error?.path == ["linux", "n"])
        let linux = try #require(try object.object("linux"))
        #expect(throws: JSONError.self) { try linux.strings("list") }
        #expect(throws: JSONError.self) { try linux.integer("big", as: UInt8.self) }
        #expect(try linux.string("nil") == nil)
        #expect(try linux.string("absent") == nil)
    }

    @Test func survivesRandomBytes() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("{}[]\",:0123456789.eE+-truefalsn\\u \n".utf8) + [0xFF, 0x80, 0]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            #expect((try? JSONValue(parsing: value.serialized())) == value)
        }
    }
}
