// Package clients drives real client libraries through a gateway in front of the
// simulator, as their users would. It imports nothing of this module.
package clients
