// Package vllm holds tests against a real vLLM: what Qwenvoy promises, through the
// binary and through Envoy, and that the simulator answers as the real one does. It
// holds tests only, and the means to run vLLM on a CPU with a tiny model of our own
// (serve.sh, see README.md). `make e2e-vllm` runs them all.
package vllm
