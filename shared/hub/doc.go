// Package hub is the Chat Completions form that every dialect is translated into and
// out of: the editor that makes a client's request ready for a Qwen server, the view
// of what the server said, and the words for what went wrong.
//
// What two dialects need stands here, since dialects never import each other. It
// imports catalog and jsonedit.
package hub
