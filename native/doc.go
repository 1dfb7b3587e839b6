// Command qwenvoy is the native binary: a gateway in front of a Qwen server, and
// the commands around it.
//
//	native/            commands and the life of the process: signals, reload, systemd
//	native/server      the HTTP edge around the core's Exchange
//	native/responses   the Responses API's state: stored and background responses, sockets
//	native/store       where that is kept: memory, a file, Redis
//	native/upstream    the client for the server behind it
//	native/settings    flags, variables and file become one configuration
//	native/logging     levels, forms, redaction
//	native/systemd     sd_notify
//	native/simulator   a simulated vLLM
//	native/grammar     strict checkers of the event streams that clients are promised
//	native/deploy      systemd unit, Dockerfile, example configuration
//
// Of the core it imports shared/gateway, shared/hub and shared/config.
package main
