#!/bin/sh
# python.sh NAME REQUIREMENTS: gets the packages that a file pins from PyPI into a virtual environment,
# .cache/NAME, and prints the path of its Python (3.11 or newer). Fetches nothing when they are there
# already.
#
# The file is the whole list: after a change, pip freeze of a fresh environment.
set -eu

name=${1:?usage: python.sh NAME REQUIREMENTS} requirements=${2:?usage: python.sh NAME REQUIREMENTS}
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../.cache/$name

if ! cmp -s "$requirements" "$cache/requirements.txt" || ! "$cache/bin/python" -c '' 2>/dev/null; then
	"$here/venv.sh" "$cache" --no-deps -r "$requirements" >&2
	cp "$requirements" "$cache/requirements.txt"
fi
echo "$(cd "$cache" && pwd)/bin/python"
