"""Objects and events held against the types of the Open Responses specification.

The types are those of the package openresponses-types, generated from the specification's own
OpenAPI document. Pydantic alone would let pass what the document forbids, so on top of it:

- nothing is converted: a number in a string, or 1.0 for an integer, is a fault;
- a key that may be absent may not be null: the generated types write both as `T | None = None`;
- the JSON must be JSON: no NaN, no key twice;
- an event's type decides which type it is held against, and a type that none has is a fault.

Keys that the specification does not know are let pass, as its own acceptance suite does.
"""

import json

import openresponses_types.types as types
from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

# The types by the literal of their key `type`, such as "response.output_text.delta".
EVENTS = {
    str(literal): model
    for name, model in vars(types).items()
    if name.endswith("StreamingEvent")
    for literal in model.model_fields["type"].annotation
}

# Keys that may be absent or null: the document says so where the error of a WebSocket is described.
NULLABLE = {(types.Error, "param")}


class Fault(Exception):
    """What is wrong with a reply, in one line."""


def response(text):
    """Returns a response object."""
    return _held(text, types.ResponseResource)


def compaction(text):
    """Returns the reply to /responses/compact."""
    return _held(text, types.CompactResource)


def event(text):
    """Returns an event of a stream."""
    name = _parsed(text).get("type")
    if name not in EVENTS:
        raise Fault(f"no event of the specification has the type {name!r}: {_short(text)}")
    return _held(text, EVENTS[name])


def message(text):
    """Returns an event that came over a WebSocket, where an error has a shape of its own."""
    if _parsed(text).get("type") == "error":
        return _held(text, types.WebSocketErrorEvent)
    return event(text)


def _parsed(text):
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except ValueError as e:
        raise Fault(f"no JSON ({e}): {_short(text)}") from None
    if not isinstance(value, dict):
        raise Fault(f"no JSON object: {_short(text)}")
    return value


def _refuse(constant):
    raise ValueError(f"{constant} is no number in JSON")


def _unique(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError(f"a key stands twice: {[key for key, _ in pairs]}")
    return members


def _held(text, model):
    value = _parsed(text)
    try:
        held = TypeAdapter(model).validate_json(text, strict=True)
    except ValidationError as e:
        # A union names a fault for each of its members: the first are enough.
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in e.errors()[:6]]
        raise Fault(f"no {model.__name__}: {'; '.join(faults)}: {_short(text)}") from None
    for path in _nulls(held, model.__name__):
        raise Fault(f"{path} is null, it may only be absent: {_short(text)}")
    return value


def _nulls(held, path):
    """Yields the paths of keys that are null though they may only be absent."""
    if isinstance(held, list):
        for i, member in enumerate(held):
            yield from _nulls(member, f"{path}.{i}")
    elif isinstance(held, RootModel):
        yield from _nulls(held.root, path)
    elif isinstance(held, BaseModel):
        for name, field in type(held).model_fields.items():
            if name not in held.model_fields_set:
                continue
            member = getattr(held, name)
            if member is not None:
                yield from _nulls(member, f"{path}.{name}")
            elif not field.is_required() and not any(isinstance(held, m) and name == n for m, n in NULLABLE):
                yield f"{path}.{name}"


def _short(text):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return text if len(text) <= 2000 else text[:2000] + "…"
