// Package memory bounds the bytes that the gateway holds at once, so that what clients send
// in parallel, or keep without reading it, can't take the process down.
//
//	budget.go   the Budget of all exchanges, and the Share that one of them has of it
//	line.go     who waits for memory, first come first served
//	machine.go  how much memory the machine or the cgroup has
//
// It imports the standard library only.
package memory
