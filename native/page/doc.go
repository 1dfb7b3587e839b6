// Package page makes the page that a person's browser gets at the gateway's root: what runs
// here, which models there are, how clients are pointed at it, and how the server behind is.
//
//	page.go    Root, and what stands on it
//	accept.go  whether a client would rather have a page than JSON
//	root.html  its template: no script, nothing from elsewhere
//
// It imports native/clients and native/probe.
package page
