// Command attack does to Qwenvoy what must not take it down or get in, for minutes, and
// prints what it has seen as a table in Markdown. It exits with 1 when something crashed,
// hung, leaked, crossed tenants, answered a bad input with 200, lost what was acknowledged,
// or took more memory than limits.memory and 64 MiB.
//
//	make attack                                    # builds, then every family but the soak
//	make soak                                      # mixed load for 5 minutes
//	go run ./e2e/attack -short                     # a minute and a half: fewer inputs of each family
//	go run ./e2e/attack -only framing,disk         # some families
//	go run ./e2e/attack -only bodies -seed 7       # other inputs, the same for the same seed
//
// Inputs are made from tables and mutations. Each family has processes of its own before a
// server that it controls, all on loopback; with ENVOY_BIN those that apply also go through
// Envoy with the filter. Memory and open files are read from /proc and goroutines from the
// dump that SIGQUIT asks for, so this runs on Linux.
//
//	main.go       the command line
//	family.go     a Family, and a Round of it over one edge: what was tried, what was wrong
//	gateway.go    a process under attack, and what it holds at its start and at its end
//	usage.go      memory and open files of a process, from /proc
//	client.go     requests over HTTP and WebSocket that can't wait for ever
//	places.go     the Places that take a body: paths, dialects, WebSocket, background
//	mutations.go  bad bodies made from good ones
//	bodies.go     the family of bad bodies
//	pressure.go   the family of bodies and streams that are to take memory
//	framing.go    the family of requests whose bytes are to be read as something else
//	probes.go     the table of those requests
//	faults.go     the family of model servers that fail
//	answers.go    the table of what they answer
//	tenancy.go    the family of two keys
//	kills.go      the family of processes that are killed, with a file and with Redis
//	stores.go     the families of a full disk and of a Redis that stops
//	soak.go       mixed load
//	report.go     the table
//
// It imports e2e/envoy, e2e/process, e2e/upstream, native/grammar and native/simulator.
package main
