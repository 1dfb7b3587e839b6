// Package service is one run of the gateway: it binds the port, serves, takes changed
// configuration over, tells the service manager, and lets what runs finish at the end.
//
// Who lives here:
//
//	service.go  Run: the start, and what happens around the server until it ends
//	listen.go   where it takes connections
//	trial.go    what would keep it from starting
//	reload.go   a changed configuration takes force
//	files.go    the configuration file and those that it names, watched
//	tls.go      its certificates
//	drain.go    the end
//
// It may import shared/config and, of this binary, all that serves and logging, settings
// and systemd; no command.
package service
