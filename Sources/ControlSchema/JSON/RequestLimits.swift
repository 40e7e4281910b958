/// Bounds on what a request body may hold. The listener refuses larger bodies earlier.
public enum RequestLimits {
    /// Bytes of a JSON body.
    public static let maximumBytes = 1 << 18
    /// Objects and arrays inside one another.
    public static let maximumDepth = 16
    /// Violations that are reported of one request.
    public static let maximumViolations = 32
    /// Elements of an array that has one for each vCPU.
    public static let maximumVCPUs = 65_535
    /// CPUID settings of one TD.
    public static let maximumCPUIDSettings = 256
    /// Highest integer of the contract: what every JSON reader keeps exactly.
    public static let maximumInteger = 9_007_199_254_740_991
    /// Highest number of a processor or package that can be named.
    public static let maximumProcessor = 65_535
    public static let maximumPackage = 255
}
