// Package wazero runs the scenario table over the filter's compiled module without an
// Envoy: in wazero, with the host of filter/wasmtest. It holds tests only and imports
// e2e/scenario and filter/wasmtest.
package wazero
