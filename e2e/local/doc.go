// Package local runs Qwenvoy as plain processes on this machine: the binary, and Envoy
// with the filter, each in front of servers that a test controls. It holds tests only.
//
// The binary is built afresh, or named by QWENVOY_BIN; so is the module, or named by
// QWENVOY_WASM. Envoy is the one that ENVOY_BIN names, the agents are those of
// QWENVOY_AGENTS, the checker of conformance runs on QWENVOY_CONFORMANCE; without them their
// tests are skipped.
package local
