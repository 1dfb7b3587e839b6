// Package envoy holds what the tests need of a real Envoy: fetch.sh gets a binary,
// mkrootfs.sh makes a container image of one, and the tests here run it on every
// Envoy configuration in the repository. It imports nothing of this module.
package envoy
