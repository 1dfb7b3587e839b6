// Package toolset holds the tools of one request to the Responses API, between the client's
// names and the upstream's: what the client defines becomes functions that a chat model can
// call, and what the model calls becomes a call of the client's tool again.
//
// A Set lives for a request, its Table for the reply. Neither knows items or the response
// object. It imports hub, for refusals, and jsonedit.
package toolset
