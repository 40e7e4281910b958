#!/usr/bin/env python3
"""/metrics: what promtool thinks of it, and what a real Prometheus reads there."""

import pathlib
import subprocess
import tempfile

from daemon import BINARY, Daemon, create, destroy
from prometheus import Prometheus, check


def work(daemon):
    """Something of everything, so that every family has a series."""
    client = daemon.client()
    kept, gone = create(client, vcpus=2)["id"], create(client)["id"]
    for _ in range(3):
        assert client.get(f"/tds/{kept}").status == 200
    assert client.get("/tds/nobody").status == 404
    assert client.post("/tds", {"spec": {"maxVcpus": 1, "attributes": "0x90000000"}}).status == 422
    destroy(client, gone)
    return client, kept


def format_and_lint():
    with Daemon("--fake-write-back-ms", "3", plain_roles=("metrics", "viewer")) as daemon:
        client, kept = work(daemon)
        answer = daemon.plain_client("metrics").get("/metrics", Accept="text/plain;version=0.0.4")
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", answer.headers
        found = check(answer.bytes)
        assert not found, found
        text = answer.bytes.decode()
        assert kept not in text and "nobody" not in text
        # Labels come from fixed tables: paths nobody has heard of make no more series.
        before = text.count("\n")
        for number in range(200):
            client.get(f"/path/{number}")
        after = client.get("/metrics").bytes.decode().count("\n")
        assert after <= before + 40, (before, after)
        # Who may read it, and what that role may do besides.
        assert daemon.plain_client("viewer").get("/metrics").status == 403
        assert daemon.plain_client("metrics").get("/tds").status == 403
        assert daemon.plain_client("metrics").get("/readyz").status == 200
    # What no promtool finds fault with proves something only if it finds fault with what is wrong.
    assert check(b"# TYPE a_count gauge\na_count 1\n")


def numbers(prometheus, client, kept):
    expected = {
        'tdxd_http_requests_total{route="/tds/{id}",method="GET",status="200"}': 3,
        'tdxd_http_requests_total{route="/tds",method="POST",status="201"}': 2,
        'tdxd_tds{phase="initialized"}': 1,
        'tdxd_keyids{state="assigned"}': 1,
        'tdxd_td_pages{kind="tdcs"}': 6,
        'tdxd_operations_total{kind="td.delete",outcome="succeeded"}': 1,
        'tdxd_operations_total{kind="td.create",outcome="failed"}': 1,
        'tdxd_seamcalls_total{leaf="TDH.MNG.INIT",completion="TDX_OPERAND_INVALID"}': 1,
        'tdxd_seamcalls_total{leaf="TDH.MNG.INIT",completion="TDX_SUCCESS"}': 2,
        "tdxd_audit_failures_total": 0,
        'tdxd_build_info{backend="fake"}': 1,
    }
    for query, value in expected.items():
        assert prometheus.value(query) == value, (query, prometheus.value(query))
    # Two packages, one TD deleted and one taken back: four write-backs, each in several slices.
    assert prometheus.value('tdxd_cache_write_backs_total{outcome="completed"}') == 4
    assert prometheus.value('tdxd_cache_write_backs_total{outcome="interrupted"}') >= 4
    assert prometheus.value('histogram_quantile(0.99, tdxd_seamcall_duration_seconds_bucket{leaf="TDH.MNG.INIT"})') > 0
    assert 0 < prometheus.value("time() - process_start_time_seconds") < 600
    destroy(client, kept)
    prometheus.wait(lambda: prometheus.value('tdxd_keyids{state="assigned"}') == 0, "the deletion in a scrape")


def scrape_plain():
    with Daemon("--fake-write-back-ms", "3", plain_roles=("metrics",)) as daemon:
        client, kept = work(daemon)
        with Prometheus(daemon.places()[1]) as prometheus:
            target = prometheus.target()
            assert target["health"] == "up", target
            numbers(prometheus, client, kept)


def scrape_tls():
    """Over TLS with a client certificate of the role that may do nothing else."""
    with tempfile.TemporaryDirectory(prefix="tdxd-test-") as directory:
        pki = pathlib.Path(directory) / "pki"
        subprocess.run([BINARY, "pki", "init", pki, "--address", "127.0.0.1"], check=True, stdout=subprocess.DEVNULL)

        def credentials(role):
            return {"ca_file": f"{pki}/ca.pem", "cert_file": f"{pki}/{role}.pem", "key_file": f"{pki}/{role}.key"}

        with Daemon("--fake-write-back-ms", "3", "--listen-tls", "127.0.0.1:0", "--pki", str(pki)) as daemon:
            client, kept = work(daemon)
            place = f"127.0.0.1:{daemon.tls_port()}"
            with Prometheus(place, "https", credentials("metrics")) as prometheus:
                target = prometheus.target()
                assert target["health"] == "up" and target["scrapeUrl"].startswith("https://"), target
                expiry = 'tdxd_tls_expiry_timestamp_seconds{kind="%s"} - time()'
                for kind, days in (("server_certificate", 397), ("client_ca", 3652), ("revocation_list", 397)):
                    left = prometheus.value(expiry % kind) / 86_400
                    assert days - 1 < left < days + 1, (kind, left)
                assert prometheus.value("tdxd_tls_last_reload_successful") == 1
                numbers(prometheus, client, kept)
            # Another role's certificate is believed, and may not.
            with Prometheus(place, "https", credentials("viewer")) as prometheus:
                target = prometheus.target()
                assert target["health"] == "down" and "403" in target["lastError"], target


def main():
    format_and_lint()
    scrape_plain()
    scrape_tls()
    print("Done: metrics")


if __name__ == "__main__":
    main()
