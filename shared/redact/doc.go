// Package redact decides what of a text a log may show. Both edges ask it of everything that
// a client or an upstream had a hand in, so that no level, form or edge has a rule of its own.
//
//	names.go   which names are those of secrets, and which words may be shown
//	target.go  URLs, queries, header fields
//	text.go    texts of any form: JSON, forms, heads, prose
//	json.go    JSON, and what its strings hold
//	value.go   what follows a secret's name
//	shapes.go  secrets that are known by their look
//	line.go    control characters and bounds
//	panic.go   panics
//
// It imports jsonedit.
package redact
