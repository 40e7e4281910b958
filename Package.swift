// swift-tools-version: 6.2

import PackageDescription

// The rooms of the house. What a room may import is decided here and checked by Tests/HouseTests.

let houseRules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: houseRules)
}

func test(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: houseRules)
}

let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "tdxd",
    dependencies: [
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        room("Threading"),
        room("TDXCalls"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        room("Digests", ["COpenSSL"]),
        room("FakeTDX", ["TDXCalls", "Digests", "Threading"]),
        room("SEAMCALLTrace", ["TDXCalls", "Threading"]),
        room("FakeReplay", ["TDXCalls", "FakeTDX", "SEAMCALLTrace"]),

        test("ThreadingTests", ["Threading"]),
        test("DigestsTests", ["Digests"]),
        test("FakeTDXTests", ["FakeTDX", "TDXCalls", "Digests", "Threading"]),
        test("SEAMCALLTraceTests", ["SEAMCALLTrace", "FakeReplay", "FakeTDX", "TDXCalls", "Threading"]),
    ]
)
