"""Proves that the check can fail: good replies pass, and each of many broken ones is refused."""

import copy
import http.server
import json
import threading
import unittest

import cases
import check
import schema
from server import Server, ended, server_sent

USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 19,
}

RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1777000000,
    "completed_at": 1777000002,
    "status": "completed",
    "incomplete_details": None,
    "model": "a-model",
    "previous_response_id": None,
    "instructions": None,
    "output": [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "Short."}],
            "encrypted_content": "sealed",
        },
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "phase": "final_answer",
            "content": [{"type": "output_text", "text": "Ebb.", "annotations": [], "logprobs": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "tide",
            "arguments": "{}",
            "status": "completed",
        },
    ],
    "error": None,
    "tools": [{"type": "function", "name": "tide", "description": None, "parameters": {}, "strict": None}],
    "tool_choice": "auto",
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "top_p": 0.95,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "temperature": 1,
    "reasoning": {"effort": None, "summary": None},
    "usage": USAGE,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "store": True,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "safety_identifier": None,
    "prompt_cache_key": None,
}

COMPACTION = {
    "id": "resp_2",
    "object": "response.compaction",
    "created_at": 1777000000,
    "output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "sealed"}],
    "usage": USAGE,
}

DELTA = {
    "type": "response.output_text.delta",
    "sequence_number": 4,
    "item_id": "msg_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "Ebb",
    "logprobs": [],
}

ADDED = {"type": "response.output_item.added", "sequence_number": 2, "output_index": 1, "item": RESPONSE["output"][1]}

COMPLETED = {"type": "response.completed", "sequence_number": 9, "response": RESPONSE}

SOCKET_ERROR = {
    "type": "error",
    "status": 400,
    "error": {
        "type": "invalid_request_error",
        "code": "previous_response_not_found",
        "message": "There is none.",
        "param": None,
    },
}

STREAM_ERROR = {"type": "error", "sequence_number": 3, "error": {**SOCKET_ERROR["error"], "code": None}}

GOOD = {
    "response": (schema.response, RESPONSE),
    "compaction": (schema.compaction, COMPACTION),
    "delta": (schema.event, DELTA),
    "added": (schema.event, ADDED),
    "completed": (schema.event, COMPLETED),
    "completed on a socket": (schema.message, COMPLETED),
    "error on a socket": (schema.message, SOCKET_ERROR),
    "error of a stream": (schema.event, STREAM_ERROR),
}

# The keys of RESPONSE that may be absent; all others must be there.
OPTIONAL = [
    "output.0.content",
    "output.0.encrypted_content",
    "output.1.content.0.logprobs",
    "output.1.phase",
    "text.verbosity",
]

ABSENT = object()

# What is broken: which reply, where, by what.
BROKEN = [
    ("response", "object", "list"),
    ("response", "created_at", 1777000000.5),
    ("response", "created_at", 1777000000.0),
    ("response", "created_at", "1777000000"),
    ("response", "completed_at", False),
    ("response", "status", None),
    ("response", "model", None),
    ("response", "output", None),
    ("response", "output", {}),
    ("response", "error", "broken"),
    ("response", "error", {"code": "server_error"}),
    ("response", "incomplete_details", {}),
    ("response", "temperature", None),
    ("response", "temperature", "1"),
    ("response", "top_p", None),
    ("response", "store", 1),
    ("response", "store", "true"),
    ("response", "truncation", "sometimes"),
    ("response", "service_tier", None),
    ("response", "tool_choice", "perhaps"),
    ("response", "tool_choice", None),
    ("response", "tools", None),
    ("response", "tools.0", {"type": "web_search"}),
    ("response", "tools.0.strict", "no"),
    ("response", "text", None),
    ("response", "text.verbosity", None),
    ("response", "text.verbosity", "loud"),
    ("response", "text.format", {"type": "prose"}),
    ("response", "reasoning.effort", "heroic"),
    ("response", "usage.input_tokens", 12.5),
    ("response", "usage.input_tokens_details.cached_tokens", None),
    ("response", "output.0.type", "thought"),
    ("response", "output.0.summary", None),
    ("response", "output.0.content", None),
    ("response", "output.0.content.0.type", "thinking"),
    ("response", "output.0.encrypted_content", None),
    ("response", "output.1.status", "done"),
    ("response", "output.1.role", "robot"),
    ("response", "output.1.phase", None),
    ("response", "output.1.phase", "overture"),
    ("response", "output.1.content", "Ebb."),
    ("response", "output.1.content.0.text", None),
    ("response", "output.1.content.0.annotations", None),
    ("response", "output.1.content.0.logprobs", None),
    ("response", "output.1.content.0.logprobs", [{"token": "E", "logprob": -0.5}]),
    ("response", "output.2.arguments", {}),
    ("response", "output.2.status", None),
    ("compaction", "object", "response"),
    ("compaction", "usage", None),
    ("compaction", "output.0.encrypted_content", None),
    ("compaction", "output.0.created_by", None),
    ("delta", "type", "response.reasoning_text.delta"),
    ("delta", "type", "response.output_text.done"),
    ("delta", "type", "keepalive"),
    ("delta", "type", None),
    ("delta", "sequence_number", "4"),
    ("delta", "delta", None),
    ("delta", "logprobs", None),
    ("added", "item.phase", None),
    ("added", "item.type", "custom"),
    ("completed", "response", None),
    ("completed", "response.output.1.content.0.logprobs", None),
    ("completed on a socket", "response.output.0.encrypted_content", None),
    ("error on a socket", "status", "400"),
    ("error on a socket", "error.code", None),
    ("error on a socket", "error.code", 400),
    ("error on a socket", "error.type", None),
    ("error on a socket", "error", None),
    ("error of a stream", "error.message", None),
    ("error of a stream", "error", "broken"),
]


def places(value, path=()):
    """Yields the path of every key of an object, at whatever depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        if isinstance(value, dict):
            yield (*path, key)
        yield from places(member, (*path, key))


def steps(path):
    """Returns a place that is written as one text."""
    return [int(step) if step.isdigit() else step for step in path.split(".")]


def broken(good, path, by):
    """Returns the JSON of an object with another value at a place, or none at all."""
    value = at = copy.deepcopy(good)
    *way, last = path
    for step in way:
        at = at[step]
    if by is ABSENT:
        del at[last]
    else:
        at[last] = by
    return json.dumps(value)


class Schema(unittest.TestCase):
    def test_takes_good_replies(self):
        for name, (held, good) in GOOD.items():
            with self.subTest(name):
                self.assertEqual(held(json.dumps(good)), good)

    def test_takes_keys_that_it_does_not_know(self):
        schema.response(json.dumps({**RESPONSE, "user": "me", "conversation": None}))

    def test_takes_both_phases_of_a_message(self):
        for phase in "commentary", "final_answer", ABSENT:
            schema.response(broken(RESPONSE, ("output", 1, "phase"), phase))

    def test_refuses_a_reply_without_one_of_its_keys(self):
        optional = {
            "response": OPTIONAL,
            "delta": ["logprobs"],
            "added": ["item.content.0.logprobs", "item.phase"],
            "completed": ["response." + path for path in OPTIONAL],
            "completed on a socket": ["response." + path for path in OPTIONAL],
            "error on a socket": ["error.param", "error.type"],
        }
        for name, (held, good) in GOOD.items():
            taken = []
            for path in places(good):
                try:
                    held(broken(good, path, ABSENT))
                    taken.append(".".join(map(str, path)))
                except schema.Fault:
                    pass
            with self.subTest(name):
                self.assertEqual(sorted(taken), optional.get(name, []))

    def test_refuses_broken_values(self):
        for name, path, by in BROKEN:
            held, good = GOOD[name]
            with self.subTest(f"{name}: {path} is {by!r}"), self.assertRaises(schema.Fault):
                held(broken(good, steps(path), by))

    def test_refuses_what_is_no_json(self):
        text = json.dumps(RESPONSE)
        for bad in "", "[]", "null", text[:-1], text.replace("0.95", "NaN"), text[:-1] + ', "id": "resp_9"}':
            with self.subTest(bad[-40:]), self.assertRaises(schema.Fault):
                schema.response(bad)

    def test_knows_the_events_of_the_specification(self):
        self.assertEqual(len(schema.EVENTS), 24)
        for name in "created", "completed", "output_text.delta", "reasoning.delta", "function_call_arguments.done":
            self.assertIn("response." + name, schema.EVENTS)
        for name in "response.reasoning_text.delta", "response.custom_tool_call_input.delta", "keepalive":
            self.assertNotIn(name, schema.EVENTS)


class Streams(unittest.TestCase):
    def test_refuses_a_stream_that_does_not_end_once(self):
        self.assertEqual(len(ended([DELTA, COMPLETED])), 2)
        for events in [], [DELTA], [COMPLETED, DELTA], [COMPLETED, COMPLETED]:
            with self.subTest(events), self.assertRaises(schema.Fault):
                ended(events)

    def test_reads_server_sent_events(self):
        text = ": note\n\nevent: a\r\ndata: 1\ndata:2\n\n\ndata: [DONE]\n\n"
        self.assertEqual(list(server_sent(text)), [("a", "1\n2"), (None, "[DONE]")])
        with self.assertRaises(schema.Fault):
            list(server_sent("data: 1"))


class Cases(unittest.TestCase):
    def test_refuse_turns_that_went_wrong(self):
        cases.completed_turn([DELTA, COMPLETED])
        cases.not_found([SOCKET_ERROR])
        failed = {**COMPLETED, "type": "response.failed"}
        other = {**SOCKET_ERROR, "error": {**SOCKET_ERROR["error"], "code": "server_error"}}
        for refuses, seen in [
            (cases.completed_turn, [SOCKET_ERROR]),
            (cases.completed_turn, [failed]),
            (cases.completed, {**RESPONSE, "output": []}),
            (cases.completed, {**RESPONSE, "status": "incomplete"}),
            (cases.not_found, [other]),
            (cases.not_found, [COMPLETED]),
            (cases.not_found, [DELTA, SOCKET_ERROR]),
        ]:
            with self.subTest(seen), self.assertRaises(schema.Fault):
                refuses(seen)

    def test_all_fail_on_a_server_that_knows_nothing(self):
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ignorant) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            chosen = {name: f for name, (_, f) in cases.CASES.items()}
            faults = check.run(chosen, Server(f"http://127.0.0.1:{server.server_port}/v1", "a-model", "key"))
            server.shutdown()
        self.assertEqual(len(faults), 17)
        self.assertEqual([name for name, found in faults.items() if found is None], [])


class Ignorant(http.server.BaseHTTPRequestHandler):
    """Answers everything with 200 and an empty object."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    unittest.main()
