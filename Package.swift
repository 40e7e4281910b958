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
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")

let package = Package(
    name: "tdxd",
    dependencies: [
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // No traits: the file is read in tdxd itself, so that an unknown member is an error.
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // The header of the kernel module, which is built beside it by Kbuild (Sources/KernelModule, no target).
        .target(name: "CTDXShim"),

        room("Threading"),
        room("Digests", ["COpenSSL"]),
        room("GuestImages", ["Digests", "Threading"]),
        room("TDXCalls"),
        room("Meters", ["TDXCalls", "Threading"]),
        room("FakeTDX", ["TDXCalls", "Digests", "Threading"]),
        room("KernelShim", ["CTDXShim", "TDXCalls", "Threading"]),
        room("SEAMCALLTrace", ["TDXCalls", "Threading"]),
        room("FakeTransport", ["CTDXShim", "TDXCalls", "Threading"]),
        room("FakeReplay", ["TDXCalls", "FakeTDX", "FakeTransport", "SEAMCALLTrace", "Threading"]),
        room("ShimReplay", ["KernelShim", "SEAMCALLTrace", "TDXCalls", "Threading"]),
        room("TDLifecycle", ["TDXCalls", "Digests", "Threading", logging]),
        room("HTTPExchange", ["Threading", httpTypes]),
        room("Certificates", ["COpenSSL", "Threading"]),
        room("MicroHTTP", ["CMicroHTTPD", "HTTPExchange", "Threading", httpTypes, logging]),
        room("ControlSchema"),
        room(
            "ControlAPI",
            [
                "HTTPExchange", "ControlSchema", "GuestImages", "Meters", "TDLifecycle", "TDXCalls", "Threading",
                httpTypes, logging,
            ]),
        .executableTarget(
            name: "tdxd",
            dependencies: [
                "Certificates", "ControlAPI", "ControlSchema", "FakeReplay", "FakeTDX", "FakeTransport", "GuestImages",
                "KernelShim", "Meters", "MicroHTTP", "SEAMCALLTrace", "ShimReplay", "TDLifecycle", "TDXCalls",
                "Threading",
                arguments, configuration, logging,
            ],
            swiftSettings: houseRules,
            // Relocations in a few bytes each: a sixteenth of the resident memory of an idle daemon.
            linkerSettings: [
                .unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"])
            ]),

        // Not shipped, and no room: how long the fake's calls take.
        .executableTarget(
            name: "fake-benchmark",
            dependencies: ["FakeTDX", "FakeTransport", "KernelShim", "TDXCalls", "Digests"],
            path: "Tests/FakeBenchmark",
            swiftSettings: houseRules),

        .executableTarget(
            name: "engine-benchmark",
            dependencies: ["FakeTDX", "TDLifecycle", "TDXCalls", "Threading", logging], path: "Tests/EngineBenchmark",
            swiftSettings: houseRules),

        test("ThreadingTests", ["Threading"]),
        test("DigestsTests", ["Digests"]),
        test("GuestImagesTests", ["GuestImages", "Digests", "Threading"]),
        test("TDXCallsTests", ["TDXCalls", "Threading"]),
        test("MetersTests", ["Meters", "TDXCalls", "Threading"]),
        test("FakeTDXTests", ["FakeTDX", "TDXCalls", "Digests", "Threading"]),
        // Folders that tests write to.
        .target(name: "TestFolders", path: "Tests/TestFolders", swiftSettings: houseRules),
        // The kernel module's core in user space, for tests of the room that talks to it.
        .target(name: "ShimCore", dependencies: ["CTDXShim"], path: "Tests/ShimCore"),
        test(
            "KernelShimTests",
            [
                "TestFolders", "KernelShim", "ShimCore", "ShimReplay", "SEAMCALLTrace", "CTDXShim", "FakeTDX",
                "TDLifecycle",
                "TDXCalls", "Threading", logging,
            ]),
        test("SEAMCALLTraceTests", ["SEAMCALLTrace", "FakeReplay", "FakeTDX", "TDXCalls", "Threading"]),
        test(
            "FakeTransportTests",
            [
                "FakeTransport", "CTDXShim", "FakeReplay", "FakeTDX", "SEAMCALLTrace", "TDLifecycle", "TDXCalls",
                "Threading", logging,
            ]),
        test("TDLifecycleTests", ["TDLifecycle", "Digests", "TDXCalls", "FakeTDX", "Threading", logging]),
        test("HTTPExchangeTests", ["HTTPExchange", "Threading", httpTypes]),
        test("CertificatesTests", ["TestFolders", "Certificates"]),
        test("MicroHTTPTests", ["TestFolders", "MicroHTTP", "HTTPExchange", "Threading", httpTypes, logging]),
        test("ControlSchemaTests", ["ControlSchema"]),
        test(
            "ControlAPITests",
            [
                "ControlAPI", "ControlSchema", "Digests", "FakeTDX", "GuestImages", "HTTPExchange", "Meters",
                "TDLifecycle", "TDXCalls", "Threading", httpTypes, logging,
            ]),
        // TDXCalls is not imported there: snippets that must not compile are compiled against it.
        test("HouseTests", ["TestFolders", "TDXCalls"]),
        test(
            "DaemonTests",
            [
                "TestFolders", "tdxd", "Certificates", "ControlAPI", "ControlSchema", "FakeTDX", "KernelShim", "Meters",
                "MicroHTTP",
                "TDXCalls",
                "Threading", arguments,
                configuration, logging,
            ]),
    ]
)

// The fuzzers, which are built on demand only (deploy/fuzz): libraries that are linked with libFuzzer.
if Context.environment["TDXD_FUZZING"] != nil {
    func fuzzing(_ name: String, _ dependencies: [Target.Dependency]) {
        package.products.append(.library(name: name, type: .static, targets: [name]))
        package.targets.append(
            .target(
                name: name, dependencies: dependencies, path: "Tests/Fuzz/\(name)", swiftSettings: houseRules))
    }
    fuzzing(
        "ListenerFuzzing",
        [
            "ControlAPI", "FakeTDX", "HTTPExchange", "MicroHTTP", "TDLifecycle", "TDXCalls", "Threading", httpTypes,
            logging,
        ])
    fuzzing(
        "DecoderFuzzing",
        [
            "ControlAPI", "ControlSchema", "FakeTDX", "HTTPExchange", "TDLifecycle", "TDXCalls", "Threading", httpTypes,
            logging,
        ])
}
