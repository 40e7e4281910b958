import Testing

@testable import Meters

@Suite("Prometheus text format")
struct ExpositionTests {
    @Test("A family is its help, its type and its series, in the order given")
    func family() {
        var exposition = Exposition()
        exposition.family("tdxd_tds", .gauge, "Trust domains, by phase.") {
            $0.add(["phase": "building"], 0)
            $0.add(["phase": "failed", "role": "x"], 12)
        }
        exposition.single("tdxd_lines_total", .counter, "Lines.", .max)
        #expect(
            exposition.text == """
                # HELP tdxd_tds Trust domains, by phase.
                # TYPE tdxd_tds gauge
                tdxd_tds{phase="building"} 0
                tdxd_tds{phase="failed",role="x"} 12
                # HELP tdxd_lines_total Lines.
                # TYPE tdxd_lines_total counter
                tdxd_lines_total 18446744073709551615

                """)
        #expect(Exposition.contentType == "text/plain; version=0.0.4; charset=utf-8")
    }

    @Test("Backslashes and line feeds are escaped, in labels quotes too, and nothing else")
    func escaping() {
        var exposition = Exposition()
        exposition.family("m", .gauge, "a\\b\n\"c\"") { $0.add(["l": "a\\b\n\"c\"\té😀"], 1) }
        #expect(
            exposition.text == "# HELP m a\\\\b\\n\"c\"\n# TYPE m gauge\nm{l=\"a\\\\b\\n\\\"c\\\"\té😀\"} 1\n")
    }

    @Test(
        "Seconds are exact and have no more digits than they need",
        arguments: [
            (0, "0"), (1, "0.000000001"), (25_000, "0.000025"), (100_000_000, "0.1"), (1_000_000_000, "1"),
            (1_234_567_891, "1.234567891"), (60_000_000_010, "60.00000001"), (.max, "18446744073.709551615"),
        ] as [(UInt64, String)])
    func seconds(_ nanoseconds: UInt64, _ text: String) {
        #expect(Exposition.seconds(nanoseconds) == text)
    }

    @Test("A family without series is there all the same")
    func empty() {
        var exposition = Exposition()
        exposition.family("m_total", .counter, "Nothing yet.") { _ in }
        #expect(exposition.text == "# HELP m_total Nothing yet.\n# TYPE m_total counter\n")
    }
}

@Suite("Histograms")
struct HistogramTests {
    @Test("A bound belongs to its bucket; what is longer than the last is counted apart")
    func buckets() {
        let histogram = Histogram(bounds: [10, 20, 40])
        for duration: UInt64 in [0, 10, 11, 20, 21, 40, 41, 1_000] { histogram.observe(nanoseconds: duration) }
        #expect(histogram.snapshot == Histogram.Snapshot(cumulative: [2, 4, 6, 8], sumNanoseconds: 1_143))
        #expect(histogram.snapshot.count == 8)
    }

    @Test("It is written cumulatively, with its sum and its count")
    func text() {
        let histogram = Histogram(bounds: [1_000_000, 2_500_000_000])
        for duration: UInt64 in [500_000, 2_000_000_000, 3_000_000_000] { histogram.observe(nanoseconds: duration) }
        var exposition = Exposition()
        exposition.family("d_seconds", .histogram, "Durations.") { $0.add(["leaf": "A"], histogram) }
        #expect(
            exposition.text == """
                # HELP d_seconds Durations.
                # TYPE d_seconds histogram
                d_seconds_bucket{leaf="A",le="0.001"} 1
                d_seconds_bucket{leaf="A",le="2.5"} 2
                d_seconds_bucket{leaf="A",le="+Inf"} 3
                d_seconds_sum{leaf="A"} 5.0005
                d_seconds_count{leaf="A"} 3

                """)
    }
}
