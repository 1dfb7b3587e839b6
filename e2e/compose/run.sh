#!/bin/bash
# run.sh VERSION: builds images of the binary and of Envoy VERSION (none is pulled; ENVOY_IMAGE
# names an official one to take instead), starts docker-compose.yaml, runs the tests over it and
# ends it, whatever happens. A Docker engine must be running.
set -euo pipefail

version=${1:?usage: run.sh VERSION, such as 1.40.0}
go=${GO:-go}
cd "$(dirname "$0")/../.."

if command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	compose=(docker compose)
fi
"${compose[@]}" version >/dev/null || { echo "run.sh: docker-compose, or docker with its plugin compose, is required" >&2; exit 1; }
docker info >/dev/null || { echo "run.sh: no Docker engine answers" >&2; exit 1; }

work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=qwenvoy-e2e-$$ QWENVOY_CONFIGURATIONS=$work/etc
export COMPOSE_FILE=$PWD/e2e/compose/docker-compose.yaml
# ENVOY_IMAGE is set here for the teardown too, which reads the file again.
image=${ENVOY_IMAGE:-}
export ENVOY_IMAGE=${image:-qwenvoy-envoy:$version}

teardown() {
	status=$?
	trap - EXIT INT TERM
	if [ $status -ne 0 ]; then
		"${compose[@]}" logs --no-color --tail=10 || true
	fi
	"${compose[@]}" down --volumes --timeout 5 || true
	rm -rf "$work"
	exit $status
}
trap teardown EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

chmod 755 "$work"
mkdir "$work/etc" "$work/qwenvoy"
cp bin/qwenvoy "$work/qwenvoy/qwenvoy"
docker build -q -f e2e/compose/Dockerfile.qwenvoy -t qwenvoy:e2e "$work/qwenvoy"
if [ -z "$image" ] && ! docker image inspect "$ENVOY_IMAGE" >/dev/null 2>&1; then
	e2e/envoy/mkrootfs.sh "$(e2e/envoy/fetch.sh "$version")" "$work/rootfs"
	docker build -q -f e2e/compose/Dockerfile.envoy -t "$ENVOY_IMAGE" "$work/rootfs"
fi
"$go" run ./e2e/compose/configurations "$work/etc"
cp bin/qwenvoy.wasm "$work/etc/qwenvoy.wasm"
chmod 644 "$work/etc/qwenvoy.wasm"

"${compose[@]}" up -d --no-build
QWENVOY_COMPOSE=$COMPOSE_PROJECT_NAME "$go" test -count=1 ./e2e/compose
