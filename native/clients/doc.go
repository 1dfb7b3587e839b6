// Package clients knows how coding agents and SDKs are pointed at a gateway: one table of
// clients, from which the commands env and run, the demo and the root page take what they say.
//
//	clients.go  a Client, and the table
//	agents.go   the settings of the agents
//	sdks.go     those of SDKs and frameworks
//	gateway.go  the Gateway that settings are filled in from, asked from a running one
//	render.go   settings as text
//	launch.go   settings for one run of a client, in a folder of its own
//
// It imports shared/redact and nothing else of this module.
package clients
