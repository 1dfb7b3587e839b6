#!/bin/sh
# install.sh: gets the packages that requirements.txt pins from PyPI into a virtual environment,
# .cache/conformance, and prints the path of its Python (3.11 or newer). Fetches nothing when they
# are there already.
#
# requirements.txt is the whole list: after a change, pip freeze of a fresh environment.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/conformance

if ! cmp -s "$here/requirements.txt" "$cache/requirements.txt" || ! "$cache/bin/python" -c '' 2>/dev/null; then
	"$here/../venv.sh" "$cache" --no-deps -r "$here/requirements.txt" >&2
	cp "$here/requirements.txt" "$cache"
fi
echo "$(cd "$cache" && pwd)/bin/python"
