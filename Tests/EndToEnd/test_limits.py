#!/usr/bin/env python3
"""Limits of one client over real sockets: too fast, too many operations, too many KeyIDs."""

import http.client
import os
import threading
import time

from daemon import Daemon, create, destroy

SPEC = {"spec": {"maxVcpus": 1}}


def rate():
    flags = ("--limit-requests-per-second", "2", "--limit-request-burst", "5")
    with Daemon(*flags, plain_roles=("viewer",)) as daemon:
        client, other = daemon.client(), daemon.plain_client("viewer")
        answers = [client.get("/tds") for _ in range(12)]
        taken = [answer.status for answer in answers].index(429)
        assert 5 <= taken <= 7, taken
        refused = answers[taken]
        problem = refused.json
        assert problem["code"] == "too-many-requests" and problem["retryable"], problem
        assert problem["limit"] == {
            "name": "requestRate", "identity": f"uid:{os.geteuid()}", "limit": 5, "used": 5, "perSecond": 2,
        }, problem
        assert refused.headers["Retry-After"] == "1", refused.headers
        # Whoever waits as he was told is served, on the same connection; whoever else asks never had to.
        assert other.get("/tds").status == 200
        time.sleep(int(refused.headers["Retry-After"]))
        assert client.get("/tds").status == 200
    print("rate: the first refusal after", taken, "requests at once")


def before_the_body():
    """A client over its limit is answered before it has sent the body that it announces."""
    with Daemon("--limit-requests-per-second", "1", "--limit-request-burst", "1") as daemon:
        client = daemon.client()
        assert client.get("/livez").status == 200
        connection = client.connection
        connection.putrequest("POST", "/tds")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "200000")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        connection.sock.settimeout(5)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        assert answer.status == 429, answer.status


def operations():
    flags = ("--limit-operations", "2", "--fake-key-config-us", "400000")
    with Daemon(*flags) as daemon:
        client = daemon.client()
        begun = [client.post("/tds", SPEC, {"Prefer": "respond-async"}) for _ in range(2)]
        assert [answer.status for answer in begun] == [202, 202], begun
        refused = client.post("/tds", SPEC)
        assert refused.status == 429, refused
        assert refused.json["limit"] == {
            "name": "operations", "identity": f"uid:{os.geteuid()}", "limit": 2, "used": 2,
        }, refused
        for answer in begun:
            ended = client.get(f"/operations/{answer.json['id']}?waitSeconds=30").json
            assert ended["state"] == "succeeded", ended
        assert client.post("/tds", SPEC, {"Prefer": "wait=30"}).status == 201


def key_ids():
    """Eight at once never get more than the limit, and what is deleted can be had again."""
    with Daemon("--limit-keyids", "3") as daemon:
        statuses = []

        def one(client):
            statuses.append(client.post("/tds", SPEC, {"Prefer": "wait=30"}).status)

        threads = [threading.Thread(target=one, args=(daemon.client(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201] * 3 + [507] * 5, statuses
        client = daemon.client()
        refused = client.post("/tds", SPEC)
        assert refused.json["code"] == "keyid-limit-reached", refused
        assert refused.json["capacity"]["identity"] == f"uid:{os.geteuid()}", refused
        assert refused.json["capacity"]["limit"] == 3, refused
        assert client.get("/host/capacity").json["keyIds"]["free"] == 28
        destroy(client, client.items("/tds")[0]["id"])
        create(client)


def main():
    for case in (rate, before_the_body, operations, key_ids):
        case()
    print("Done: limits")


if __name__ == "__main__":
    main()
