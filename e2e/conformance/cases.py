"""What the public acceptance suite of the specification asks for, case by case, in words of our own.

A case is a function that gets a server and raises schema.Fault. Each case's name is the suite's.
One of the suite's 17 sends nothing: it is in schema_test.py. "tool-calling-streaming" is of an
earlier suite.
"""

import base64
import struct
import zlib

from schema import Fault

CASES = {}

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather in a town.",
    "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
}


def case(transport):
    """Registers a function as a case over a transport: http or websocket."""

    def register(f):
        CASES[f.__name__.replace("_", "-")] = transport, f
        return f

    return register


def said(role, content, **more):
    return {"type": "message", "role": role, "content": content, **more}


def parts(kind, text):
    return [{"type": kind, "text": text}]


def need(ok, what, seen):
    if not ok:
        raise Fault(f"{what}: {seen}")


def completed(response):
    """Refuses a response that has no output or has not come to its end."""
    need(response["status"] == "completed", "the response is not completed", response)
    need(response["output"], "the response has no output", response)
    return response


def completed_turn(events):
    """Refuses a turn, or stream, that does not end in a completed response, and returns that."""
    need(events[-1]["type"] == "response.completed", "the turn ends in another event", events[-1])
    return completed(events[-1]["response"])


def not_found(events):
    """Refuses a turn that is anything but the error for a previous response that is not there."""
    need(len(events) == 1 and events[0]["type"] == "error", "no lone error", events)
    need(events[0]["error"]["code"] == "previous_response_not_found", "another code", events[0])


def kinds(output):
    return [item["type"] for item in output]


@case("http")
def basic_response(server):
    completed(server.create(input=[said("user", "Name a river in two words.")]))


@case("http")
def assistant_phase(server):
    completed(
        server.create(
            input=[
                said("assistant", "I look it up first.", phase="commentary"),
                said("assistant", "It is the Danube.", phase="final_answer"),
                said("user", "And which sea does it reach?"),
            ]
        )
    )


@case("http")
def streaming_response(server):
    completed_turn(server.stream(input=[said("user", "Count to 5.")]))


@case("http")
def system_prompt(server):
    completed(server.create(input=[said("system", "Talk like a lighthouse keeper."), said("user", "Good evening.")]))


@case("http")
def tool_calling(server):
    response = server.create(input=[said("user", "How is the weather in Lisbon?")], tools=[TOOL])
    need("function_call" in kinds(response["output"]), "no tool is called", response["output"])


@case("http")
def tool_calling_streaming(server):
    events = server.stream(input=[said("user", "How is the weather in Lisbon?")], tools=[TOOL])
    for name in "added", "done":
        items = [e["item"] for e in events if e["type"] == "response.output_item." + name]
        need("function_call" in kinds(items), f"no call is {name}", items)
    for name in "delta", "done":
        need(
            any(e["type"] == "response.function_call_arguments." + name for e in events),
            f"no {name} of arguments",
            [e["type"] for e in events],
        )


def png(side=32):
    """Returns a square of one colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x60\xc0" * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@case("http")
def image_input(server):
    image = "data:image/png;base64," + base64.b64encode(png()).decode()
    question = parts("input_text", "Which colour is this square?") + [{"type": "input_image", "image_url": image}]
    completed(server.create(input=[said("user", question)]))


@case("http")
def multi_turn(server):
    completed(
        server.create(
            input=[
                said("user", "I call my boat Heron."),
                said("assistant", "A fine name."),
                said("user", "What do I call it?"),
            ]
        )
    )


@case("http")
def compact_response(server):
    compacted = server.compact(
        prompt_cache_key="conformance",
        input=[said("user", "The launch is on Tuesday."), said("assistant", "Noted: Tuesday.")],
    )
    need(compacted["object"] == "response.compaction", "another object", compacted)
    need("compaction" in kinds(compacted["output"]), "no compaction", compacted)


@case("http")
def compact_missing_model(server):
    status, _, text = server.post("/responses/compact", {"input": [said("user", "The launch is on Tuesday.")]})
    need(status in (400, 422), f"status {status}", text)


@case("websocket")
def websocket_response(server):
    with server.socket() as socket:
        completed_turn(socket.turn(input=[said("user", "Count to 5.")]))


@case("websocket")
def websocket_sequential_responses(server):
    with server.socket() as socket:
        first = completed_turn(socket.turn(store=False, input="Say one."))
        second = completed_turn(socket.turn(store=False, input="Say two."))
    need(first["id"] != second["id"], "both have one id", first["id"])


@case("websocket")
def websocket_continuation(server):
    with server.socket() as socket:
        first = completed_turn(socket.turn(store=False, input="My dog is called Juno."))
        second = completed_turn(socket.turn(store=False, previous_response_id=first["id"], input="What is her name?"))
    need(second["previous_response_id"] == first["id"], "it goes on from another", second)


@case("websocket")
def websocket_reconnect_store_false_recovery(server):
    with server.socket() as socket:
        first = completed_turn(socket.turn(store=False, input="My dog is called Juno."))
    with server.socket() as socket:
        not_found(socket.turn(store=False, previous_response_id=first["id"], input="What is her name?"))
        completed_turn(socket.turn(store=False, input="My dog is called Juno. What is her name?"))


@case("websocket")
def websocket_previous_response_not_found(server):
    with server.socket() as socket:
        not_found(socket.turn(store=False, previous_response_id="resp_nobody_made_this", input="Go on."))


@case("websocket")
def websocket_failed_continuation_evicts_cache(server):
    with server.socket() as socket:
        first = completed_turn(socket.turn(store=False, input="My dog is called Juno."))
        stray = {"type": "function_call_output", "call_id": "call_nobody_made_this", "output": "Sunny."}
        second = socket.turn(store=False, previous_response_id=first["id"], input=[stray])
        need(second[-1]["type"] in ("error", "response.failed"), "a result without a call is taken", second[-1])
        not_found(socket.turn(store=False, previous_response_id=first["id"], input="What is her name?"))


@case("websocket")
def websocket_compact_new_chain(server):
    compacted = server.compact(
        input=[
            said("user", parts("input_text", "The launch is on Tuesday.")),
            said("assistant", parts("output_text", "Noted: Tuesday.")),
            said("user", parts("input_text", "Bring two ladders.")),
        ]
    )
    with server.socket() as socket:
        chain = compacted["output"] + [said("user", "What do I bring?")]
        completed_turn(socket.turn(store=False, tools=[], input=chain))
