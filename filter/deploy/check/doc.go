// Package check holds tests that decode every sample in filter/deploy and every
// Envoy configuration in the repository with the real API types, so that a misspelt
// field fails: a cluster would drop some of them without a word.
//
// It is a Go module of its own to keep Kubernetes, Istio and Envoy's API out of the
// main go.mod. From this folder: go test -count=1 ./... (Go keeps a result as long as
// nothing changes inside this module, and the samples are outside of it).
package check
