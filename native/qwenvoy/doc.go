// Command qwenvoy is the native binary: a gateway in front of a Qwen server, and the
// commands around it. Here are the commands and what they print; what they do is done by
// the packages beside this one, of which it may import all. Of the core it imports
// shared/config and, for what check-config tells of the models, shared/catalog.
//
// commands.go has the table of the commands; each has a file of its own. Their lines are read
// by kong, which makes help and suggestions for flags; cobra and urfave would bring no less of
// our own code, and cobra more dependencies. Completion is ours, since kong's companions for it
// know neither fish nor zsh's descriptions: the scripts ask "qwenvoy complete".
package main
