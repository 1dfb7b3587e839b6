// Package doctor looks at all that has to fit together before agents work: the configuration
// and its files, the environment, Envoy's files, the server and the flags that it was started
// with. Each check is a line with what was found and what would cure it.
//
//	doctor.go      the run: what is looked at, in which order, and what ends it early
//	report.go      the findings as a table or JSON, and the exit code that they mean
//	files.go       modes of files, the address, its certificate, what a start needs, the model's
//	               generation, the environment's proxy
//	owner_unix.go, owner_other.go
//	               whose a file is
//	server.go      questions to the server beyond native/probe's
//	deep.go        those that take seconds
//	tree.go        a YAML file, read leniently, with its lines
//	envoy.go       where in Envoy's, Istio's and Envoy Gateway's files the filter stands
//	envoy_rows.go  how it is configured there
//	envoy_limits.go, envoy_chain.go
//	               what has to stand beside it: Envoy's limits; other filters, upgrades, tracing
//
// It imports shared/catalog, shared/config, shared/redact and filter/edge, whose own decoder
// judges a plugin's configuration, and of this binary certificate, probe, service and settings.
package doctor
