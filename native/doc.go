// Package native holds the gateway that is a process of its own, and no code but its
// packages':
//
//	native/qwenvoy     the program: its commands
//	native/service     one run of the gateway: start, reload, drain
//	native/memory      the bytes that all exchanges hold at once
//	native/server      the HTTP edge around the core's Exchange
//	native/responses   who asks for the Responses API's state: stored responses, conversations, sockets
//	native/keeper      what is kept of it: one exchange's keeper, background responses
//	native/store       where that is kept: memory, a file, Redis
//	native/redis       the connection to a Redis server
//	native/upstream    the client for the server behind it
//	native/doctor      what has to fit together before agents work, checked
//	native/probe       what the server behind it is asked before clients ask it, and what it lacks
//	native/clients     how agents and SDKs are pointed at a gateway
//	native/page        the page for browsers at the root
//	native/certificate  the certificate that clients are shown, read and renewed
//	native/settings    flags, variables and file become one configuration
//	native/logging     levels, forms, redaction
//	native/systemd     sd_notify, and sockets handed over
//	native/simulator   a simulated vLLM
//	native/grammar     strict checkers of the event streams that clients are promised
//	native/deploy      systemd units, Dockerfile, Compose, nginx and Envoy samples, example configuration
//
// Of the core they import shared/gateway, shared/hub, shared/config, shared/access and shared/redact; native/responses
// and native/keeper also shared/jsonedit and shared/dialect/responses, native/server and
// native/qwenvoy shared/catalog.
package native
