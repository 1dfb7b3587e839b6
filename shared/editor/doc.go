// Package editor makes a chat request ready for a Qwen server, in one pass over its bytes:
// the served model's name, thinking, sampling values, the place of system messages, what
// stands broken in the history, tools, token limits. A request of another dialect comes
// here as a chat request, so that every rule holds for all of them.
//
//	editor.go    Editor: the order of the work, the model, the prompt
//	document.go  document: the text that is edited, which all of them share
//	request.go   request: the document and the fields of its top level
//	denied.go    fields that clients may not set
//	messages.go  messageList: the elements of messages, their roles and reasoning
//	calls.go     toolCalls: the arguments of calls in the history
//	results.go   resultOrder: the results of calls, where they belong
//	system.go    systemPlacer: where system messages go
//	tools.go     tools: tools and tool_choice
//	format.go    answerFormat: the form of the answer beside tools, in words
//	thinking.go  templateArguments: chat_template_kwargs and the state of thinking
//	sampling.go  sampling values and token limits
//	stops.go     stop strings that end the answer's text alone
//	usage.go     streamOptions: whether a stream ends with its usage
//
// While the walk passes a field, the type that knows it reads it; when all of the request is
// known, the same type makes the edits that need the rest.
//
// It imports catalog, history, hub and jsonedit.
package editor
