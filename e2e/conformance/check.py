"""Checks a server against the Open Responses specification of 2026-04-24.

    check.py [--transport http|websocket] [--key KEY] URL MODEL [CASE...]

URL ends in /v1. All cases run at once. A line for each: its name, and what was wrong if anything
was. Exits with 1 if anything was.
"""

import argparse
import concurrent.futures
import http.client
import sys

from cases import CASES
from schema import Fault
from server import Server


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--transport", choices=["http", "websocket"], help="only the cases over this one")
    p.add_argument("--key", default="conformance")
    p.add_argument("url")
    p.add_argument("model")
    p.add_argument("case", nargs="*")
    a = p.parse_args()
    if unknown := set(a.case) - set(CASES):
        p.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    chosen = {
        name: f
        for name, (transport, f) in CASES.items()
        if a.transport in (None, transport) and (not a.case or name in a.case)
    }
    faults = run(chosen, Server(a.url, a.model, a.key))
    for name, found in faults.items():
        print("pass" if found is None else "FAIL", name if found is None else f"{name}: {found}")
    return 1 if any(found is not None for found in faults.values()) else 0


def run(chosen, server):
    """Runs cases side by side and returns what was wrong with each, None for nothing."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(CASES)) as pool:
        runs = {name: pool.submit(fault, f, server) for name, f in chosen.items()}
    return {name: future.result() for name, future in runs.items()}


def fault(f, server):
    """Runs a case and returns what was wrong, None for nothing."""
    try:
        f(server)
    except (Fault, OSError, http.client.HTTPException, UnicodeDecodeError) as e:
        return " ".join(f"{type(e).__name__} {e}".split())


if __name__ == "__main__":
    sys.exit(main())
