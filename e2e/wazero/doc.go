// Package wazero runs the scenario table through the filter's module in the host of
// filter/wasmtest, with and without Envoy's allow_on_headers_stop_iteration. It is a
// package of tests only, and imports e2e/scenario and filter/wasmtest.
package wazero
