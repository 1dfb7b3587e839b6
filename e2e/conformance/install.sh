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
	mkdir -p "$here/../../.cache"
	# Beside its place first, so that an interrupted run leaves nothing that looks complete.
	new=$cache.$$
	trap 'rm -rf "$new"' EXIT
	if ! python3 -m venv "$new" >&2; then
		echo "install.sh: python3 can't make a virtual environment; on Debian: apt-get install python3-venv" >&2
		exit 1
	fi
	"$new/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" >&2
	cp "$here/requirements.txt" "$new"
	rm -rf "$cache"
	mv "$new" "$cache"
fi
echo "$(cd "$cache" && pwd)/bin/python"
