// Command qwenvoy is the native binary: a gateway in front of a Qwen server, and the
// commands around it. Here are the commands and what they print; what they do is done by
// the packages beside this one, of which it may import all. Of the core it imports
// shared/config and shared/gateway.
package main
