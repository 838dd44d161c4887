// swift-tools-version: 6.2
import PackageDescription

// One static program (`berth`, also installed as `berth-runtime` and `berth-monitor`) built from small modules.
// The imports each module may use are fixed by the table in docs/architecture.md and held by ModuleImportTests.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // CLinux needs the GNU definitions; the C library must then be imported with them everywhere, or the two
    // views of `fd_set` and its like contradict each other.
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

let package = Package(
    name: "berth",
    products: [
        .executable(name: "berth", targets: ["berth"]),
        .executable(name: "berth-runtime", targets: ["berth-runtime"]),
        .executable(name: "berth-net", targets: ["berth-net"]),
    ],
    // Of the networked program only: the static one is built from what stands here alone.
    dependencies: [
        .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
    ],
    targets: [
        .target(name: "CLinux"),
        .systemLibrary(name: "CSeccomp", providers: [.apt(["libseccomp-dev"])]),
        .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CIsal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),

        module("LinuxKernel", ["CLinux", "CSeccomp"]),
        module("JSON", []),
        module("CommandLine", []),
        module("GoTemplate", ["JSON"]),
        module("OCI", ["JSON"]),
        module("Netlink", ["LinuxKernel", "CLinux"]),
        module("ControlGroups", ["LinuxKernel"]),
        module("Archive", ["LinuxKernel", "OCI", "CCrypto", "CZlib", "CZstd"]),
        module("ContainerRuntime", ["OCI", "JSON", "LinuxKernel", "ControlGroups", "Netlink"]),
        module("Explain", ["ControlGroups", "Netlink", "LinuxKernel", "JSON"]),
        module("ContainerNetwork", ["Netlink", "LinuxKernel", "JSON"]),
        module("ImageStore", ["Archive", "OCI", "JSON", "LinuxKernel"]),
        module("ImageBuilder", ["ImageStore", "Archive", "OCI", "JSON", "LinuxKernel"]),
        module(
            "Engine",
            [
                "ImageBuilder", "ImageStore", "ContainerRuntime", "ContainerNetwork", "Archive", "OCI", "JSON", "LinuxKernel",
                "ControlGroups", "Netlink", "Explain",
            ]),
        .executableTarget(
            name: "berth",
            dependencies: [
                "Engine", "Explain", "ImageBuilder", "ContainerRuntime", "ContainerNetwork", "Netlink", "ControlGroups", "ImageStore", "CommandLine",
                "GoTemplate", "TransferCommands", "Archive", "OCI", "JSON", "LinuxKernel",
            ],
            swiftSettings: swiftSettings),

        module("RuntimeCommands", ["ContainerRuntime", "CommandLine", "OCI", "JSON", "LinuxKernel"]),
        .executableTarget(
            name: "berth-runtime", dependencies: ["RuntimeCommands", "LinuxKernel"], swiftSettings: swiftSettings),

        module("TransferCommands", ["CommandLine"]),
        module("FastInflate", ["Archive", "CIsal"]),
        module(
            "RegistryClient",
            [
                "ImageStore", "Archive", "OCI", "JSON", "LinuxKernel",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .executableTarget(
            name: "berth-net",
            dependencies: [
                "RegistryClient", "TransferCommands", "FastInflate", "ImageStore", "CommandLine", "OCI", "JSON", "LinuxKernel",
            ],
            swiftSettings: swiftSettings),

        tests("JSONTests", ["JSON"]),
        tests("GoTemplateTests", ["GoTemplate", "JSON"]),
        tests("ContainerRuntimeTests", ["ContainerRuntime", "ControlGroups", "OCI", "JSON", "LinuxKernel"]),
        tests("ExplainTests", ["Explain", "Netlink", "LinuxKernel", "JSON"]),
        tests("EngineTests", ["Engine", "OCI", "JSON"]),
        tests("LinuxKernelTests", ["LinuxKernel"]),
        tests("NetlinkTests", ["Netlink", "LinuxKernel"]),
        tests("ContainerNetworkTests", ["ContainerNetwork", "NetworkProbe", "Netlink", "JSON", "LinuxKernel"]),
        .executableTarget(
            name: "NetworkProbe", dependencies: ["ContainerNetwork", "Netlink", "LinuxKernel", "CLinux"],
            path: "Tests/Support/NetworkProbe", swiftSettings: swiftSettings),
        // A single-threaded program for what a test process must not do to itself: namespaces, clone, cgroups.
        .executableTarget(
            name: "ControlGroupProbe", dependencies: ["ControlGroups", "LinuxKernel", "CLinux"],
            path: "Tests/Helpers/ControlGroupProbe", swiftSettings: swiftSettings),
        tests("ControlGroupsTests", ["ControlGroups", "LinuxKernel", "ControlGroupProbe"]),
        tests("CommandLineTests", ["CommandLine"]),
        tests("RegistryClientTests", ["RegistryClient", "OCI", "JSON"]),
        .target(
            name: "ImageTestSupport", dependencies: ["Archive", "OCI", "LinuxKernel"], path: "Tests/ImageTestSupport",
            swiftSettings: swiftSettings),
        tests("OCITests", ["OCI", "JSON", "ImageTestSupport"]),
        .executableTarget(
            name: "ImageStoreProbe", dependencies: ["ImageStore", "LinuxKernel"], path: "Tests/ImageStoreProbe",
            swiftSettings: swiftSettings),
        tests(
            "ImageStoreTests",
            ["ImageStore", "Archive", "OCI", "JSON", "LinuxKernel", "ImageTestSupport", "ImageStoreProbe"]),
        .target(
            name: "FuzzTargets",
            dependencies: ["Archive", "GoTemplate", "ImageStore", "RegistryClient", "JSON", "LinuxKernel", "OCI"],
            path: "Tests/Fuzz/FuzzTargets", swiftSettings: swiftSettings),
        .executableTarget(
            name: "berth-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/BerthFuzz",
            swiftSettings: swiftSettings),
        tests("FastInflateTests", ["FastInflate", "Archive", "ImageTestSupport", "LinuxKernel"]),
        tests("FuzzTests", ["FuzzTargets"]),
        tests("ImageBuilderTests", ["ImageBuilder", "OCI", "JSON", "LinuxKernel"]),
        tests("ArchiveTests", ["Archive", "OCI", "LinuxKernel", "ImageTestSupport", "CZlib", "CZstd"]),

        // Tests that drive bin/berth know nothing of its modules.
        .target(name: "TestSupport", path: "Tests/Support/TestSupport", swiftSettings: swiftSettings),
        tests("IntegrationTests", ["TestSupport"]),
        tests("ModuleImportTests", ["TestSupport"]),
        tests("BerthCommandTests", ["berth", "Engine", "JSON", "RuntimeCommands", "CommandLine", "ContainerNetwork", "ContainerRuntime", "OCI", "LinuxKernel"]),
    ]
)
