// Package wasmtest runs the filter's module without an Envoy: a wazero host that
// treats a request and its reply as Envoy's wasm extension does, so that tests can
// feed heads, bodies in any pieces, trailers and resets, and see what goes upstream
// and what the client gets.
//
// What it copies from Envoy (source/extensions/common/wasm/context.cc and the HTTP
// filter manager), since the filter's design hangs on it:
//
//   - Pausing on a body gathers it; the next callback sees all that was gathered.
//   - Pausing on a head hides the body unless the host allows it (Options.Knob).
//   - A head that went on can't be edited any more.
//   - Content-length is nobody's business but the filter's.
//   - A local reply made on the request's side runs through the reply callbacks, one
//     made on the reply's side does not, and after the reply's head it cuts the stream.
//   - With trailers there is no end mark on the body, and the body can then be edited
//     only when the last body callback paused.
//   - An upstream that dies in the middle of a reply is told to nobody.
//
// It may import wazero and the test packages, nothing of the filter.
package wasmtest
