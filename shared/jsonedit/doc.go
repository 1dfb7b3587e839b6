// Package jsonedit edits JSON bytes in one pass: a Scanner walks a text once,
// checking its grammar and saying where things lie; Edits collects what shall
// change and writes the result with one copy of everything else.
//
// The contract:
//   - Bytes that no edit names come out as they came in: number digits, key order,
//     escapes, white space, unknown fields.
//   - The Scanner accepts exactly the texts of RFC 8259, nested at most MaxDepth
//     deep, with a byte order mark in front tolerated (vLLM takes one).
//     Strings are checked for valid UTF-8 where that is asked for (FromClient), as of
//     clients' requests; what a server says is mended piece by piece (Fragments).
//   - Nothing here allocates once its buffers have grown.
//
// Value looks into small texts where speed does not matter. What the dialects ask of values
// all the time is in literal.go, the notes that they make of them in compact.go. This package
// imports the standard library only.
package jsonedit
