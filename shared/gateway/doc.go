// Package gateway is the core's front door: it knows the routes, and carries one
// request and its reply through the same steps at every edge. See Exchange.
//
// An edge imports this package, config and hub's Answer and Fault, little else of
// shared. This package imports the dialects (chat, responses, messages, models), access,
// catalog, config, gunzip, hub, jsonedit, redact, refusal and sse; no other room of shared imports it.
package gateway
