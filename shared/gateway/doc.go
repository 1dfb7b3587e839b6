// Package gateway is the core's front door: it knows the routes, and carries one
// request and its reply through the same steps at every edge. See Exchange.
//
// An edge imports this package, config and hub's Answer and Fault, little else of
// shared. This package imports all other rooms of shared; none imports it.
package gateway
