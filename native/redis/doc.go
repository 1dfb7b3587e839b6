// Package redis is the connection to a Redis server, for what several processes share.
//
// Who lives here:
//
//	redis.go   Client: open, a call and its limits, close
//	script.go  scripts, which Redis runs whole or not at all, and their answers
//	listen.go  messages from the other processes
//	error.go   what of an error may be said
//
// What the keys are called and what stands behind them is known to those who call it. It
// imports nothing of this module.
package redis
