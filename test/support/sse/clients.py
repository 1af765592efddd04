"""Reads an event stream with a client of PyPI until it has so many records, and prints what it got as JSON.

usage: python clients.py CLIENT URL COUNT
"""

import json
import sys

import httpx
import httpx_sse
import sseclient

client, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = []
known = set()
empty = 0


def take(event):
    global empty
    if event.data == "":
        empty += 1
    if event.event not in ("", "message"):
        return
    n = json.loads(event.data)["data"]["n"]
    seen.append(n)
    known.add(n)
    if len(known) == count:
        print(json.dumps({"seen": seen, "empty": empty}))
        sys.exit(0)


def with_sseclient(headers):
    with httpx.stream("GET", url, headers={"accept": "text/event-stream", **headers}, timeout=30) as answer:
        yield from sseclient.SSEClient(answer.iter_bytes()).events()


def with_httpx_sse(headers):
    with httpx.Client(timeout=30) as http, httpx_sse.connect_sse(http, "GET", url, headers=headers) as source:
        yield from source.iter_sse()


# Neither comes back by itself: the caller does, with the last id that it was told.
last_id = None
while True:
    try:
        for event in {"sseclient-py": with_sseclient, "httpx-sse": with_httpx_sse}[client](
            {"last-event-id": last_id} if last_id else {}
        ):
            take(event)
            last_id = event.id or last_id
    except httpx.TransportError:
        pass
