// Package editor makes a chat request ready for a Qwen server, in one pass over its bytes:
// the served model's name, thinking, sampling values, the place of system messages, what
// stands broken in the history, tools, token limits. A request of another dialect comes
// here as a chat request, so that every rule holds for all of them.
//
// It imports catalog, hub and jsonedit.
package editor
