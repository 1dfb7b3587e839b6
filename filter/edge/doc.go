// Package edge carries bytes between an Envoy's callbacks and an Exchange of the core,
// and decides nothing itself. The callbacks are Exchange's methods, what they do to the
// proxy goes through a Host.
//
// It has no global that changes and starts no goroutine: in a wasm VM it runs on one
// thread, in a native module on every worker. Memory that is reused from callback to
// callback is the host's, which knows its threads.
//
// It may import gateway, hub, config and access of shared, and what of the standard library a
// wasm module can load in Envoy 1.36: nothing that reads files, sleeps or sets timers.
package edge
