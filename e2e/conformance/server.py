"""The transports: HTTP, server-sent events and WebSocket. Whatever comes is held against schema."""

import http.client
import json
import urllib.parse

import schema
import websockets.exceptions
import websockets.sync.client

PATIENCE = 60  # seconds for a reply or an event; far more than one takes

FINAL = {"response.completed", "response.failed", "response.incomplete"}


class Server:
    """A server that is spoken to at base, such as http://127.0.0.1:9000/v1."""

    def __init__(self, base, model, key):
        self.base, self.model = urllib.parse.urlsplit(base.rstrip("/")), model
        self.header = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path, body):
        """Returns status, content type and body of the reply."""
        kind = http.client.HTTPSConnection if self.base.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.base.netloc, timeout=PATIENCE)
        try:
            connection.request("POST", self.base.path + path, json.dumps(body), self.header)
            reply = connection.getresponse()
            return reply.status, reply.getheader("Content-Type", ""), reply.read()
        finally:
            connection.close()

    def create(self, **body):
        """Returns the response object to a request that asks for no stream."""
        return schema.response(self._ok("/responses", "application/json", {"model": self.model, **body}))

    def compact(self, **body):
        return schema.compaction(self._ok("/responses/compact", "application/json", {"model": self.model, **body}))

    def stream(self, **body):
        """Returns the events of a stream; the last is final."""
        text = self._ok("/responses", "text/event-stream", {"model": self.model, "stream": True, **body})
        events = []
        for name, data in server_sent(text.decode()):
            if data == "[DONE]":
                continue
            events.append(schema.event(data))
            if name != events[-1]["type"]:
                raise schema.Fault(f"the event is named {name!r}: {data}")
        return ended(events)

    def socket(self):
        return Socket(self)

    def _ok(self, path, wanted, body):
        status, kind, text = self.post(path, body)
        if status != 200 or kind.partition(";")[0].strip() != wanted:
            raise schema.Fault(f"status {status}, {kind!r}: {text.decode('utf-8', 'replace')}")
        return text


class Socket:
    """A WebSocket, for use with `with`."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        s = self.server
        base = s.base._replace(scheme="wss" if s.base.scheme == "https" else "ws", path=s.base.path + "/responses")
        try:
            self.connection = websockets.sync.client.connect(
                base.geturl(), additional_headers=s.header, open_timeout=PATIENCE, max_size=None, max_queue=None, proxy=None
            )
        except (OSError, websockets.exceptions.WebSocketException) as e:
            raise schema.Fault(f"no WebSocket: {e}") from None
        return self

    def __exit__(self, *_):
        self.connection.close()

    def turn(self, **body):
        """Sends response.create and returns the turn's events; the last is final, or an error."""
        try:
            self.connection.send(json.dumps({"type": "response.create", "model": self.server.model, **body}))
            events = []
            while not events or events[-1]["type"] not in FINAL | {"error"}:
                events.append(schema.message(self.connection.recv(timeout=PATIENCE)))
        except (OSError, websockets.exceptions.WebSocketException) as e:
            raise schema.Fault(f"the WebSocket ended: {e!r}") from None
        return events


def ended(events):
    """Returns the events of a stream that has one final event, as its last."""
    final = [i for i, e in enumerate(events) if e["type"] in FINAL]
    if final != [len(events) - 1]:
        raise schema.Fault(f"the stream does not end in its one final event: {[e['type'] for e in events]}")
    return events


def server_sent(text):
    """Yields name and data of each server-sent event."""
    name, data = None, []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                yield name, "\n".join(data)
            name, data = None, []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    if data:
        raise schema.Fault(f"the stream ends within an event: {data}")
