"""Publishes CloudEvents with the official SDK to the URL in argv[1], and prints what it sent as JSON."""

import http.client
import json
import sys
from datetime import datetime, timezone
from urllib.parse import urlsplit

from cloudevents.core.bindings import http as binding
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as ClassicEvent
from cloudevents.v1.http import to_binary, to_structured


def post(headers, body):
    url = urlsplit(sys.argv[1])
    connection = http.client.HTTPConnection(url.netloc)
    connection.request("POST", url.path, body, headers)
    answer = json.load(connection.getresponse())
    assert answer["results"][0]["status"] == "stored", answer


sent = []


def said(attributes, data):
    texts = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in attributes.items()}
    sent.append({"attributes": texts, "data": data})


for number, send in enumerate([binding.to_binary_event, binding.to_structured_event]):
    attributes = {
        "id": f"new-{number}",
        "source": "/python",
        "specversion": "1.0",
        "type": "com.example.made",
        "subject": 'Euro \u20ac 100% "quoted"',
        "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
        "datacontenttype": "application/json",
        "dataschema": "https://example.com/schema",
        "partitionkey": "k1",
        "traceid": "abc",
    }
    data = {"name": "Ada", "list": [1, "zwei", None]}
    message = send(CloudEvent(attributes, data))
    post(message.headers, message.body)
    said(attributes, data)

for number, to_message in enumerate([to_binary, to_structured]):
    event = ClassicEvent({"id": f"classic-{number}", "source": "/python", "type": "t", "ext": "x"}, [1, 2, {"a": None}])
    headers, body = to_message(event)
    post(headers, body)
    said(event.get_attributes(), event.get_data())

print(json.dumps(sent))
