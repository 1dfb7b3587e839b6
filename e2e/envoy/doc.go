// Package envoy holds what the tests need of a real Envoy: fetch.sh gets a binary,
// mkrootfs.sh makes a container image of one, Bootstrap makes configurations from the
// repository's envoy.yaml and Start runs them. The tests here run the binary on every
// Envoy configuration in the repository. It imports e2e/process, nothing else of this
// module.
package envoy
