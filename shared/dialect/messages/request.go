package messages

import (
	"sync"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/editor"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// What the Editor does to the requests that are made here. Late system messages are
// folded into the turns before them, so that a prompt's earlier bytes stay the same from
// turn to turn.
var (
	createForm = editor.Form{Messages: true, Sampling: true, Limits: true, LateSystem: hub.Fold}
	countForm  = editor.Form{Messages: true, Prompt: true, LateSystem: hub.Fold}
)

// A translation makes one chat request: the reader reads the client's, the conversation
// orders its history, the chatRequest is what both came to, and the editor does to it what
// it does to all chat requests. It is reused, and keeps nothing of a request but buffers.
type translation struct {
	reader       reader
	conversation conversation
	chat         chatRequest
	editor       editor.Editor
}

var translations = sync.Pool{New: func() any {
	r := new(translation)
	r.reader.link(&r.conversation)
	r.chat.read, r.chat.conversation = &r.reader, &r.conversation
	return r
}}

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	req := &request{id: t.AppendID(nil, "msg_"), size: len(body)}
	t.Request.State = req
	t.RequestID()

	r := translations.Get().(*translation)
	r.reset(d.kind, body, t, req)
	out, p := r.translate(dst)
	if p == nil && t.Need() != nil {
		return t.After(out, func(dst []byte) ([]byte, *hub.Problem) {
			r.release()
			return dst, nil
		})
	}
	r.release()
	return out, p
}

// maxKept is how many bytes a buffer may have that is kept for later requests; larger ones are
// left to the collector.
const maxKept = 8 << 20

// release forgets the request.
func (r *translation) release() {
	if max(cap(r.chat.text), r.conversation.history.Size()) > maxKept {
		return
	}
	r.reset(create, nil, nil, nil)
	translations.Put(r)
}

func (r *translation) reset(k kind, body []byte, t *hub.Turn, req *request) {
	r.reader.reset(k, body, t, req)
	r.conversation.reset(t)
}

func (r *translation) translate(dst []byte) ([]byte, *hub.Problem) {
	read, t := &r.reader, r.reader.turn
	r.conversation.expect(len(read.in.src))
	if p := read.read(); p != nil {
		return dst, p
	}
	read.classify()
	model := read.fields.lookup()
	if p := t.Resolve(model); p != nil {
		return dst, p
	}
	if p := read.decide(); p != nil {
		return dst, p
	}
	if t.Request.Answer != nil {
		r.nameReplies()
		answerWebSearch(t, read.req, r.conversation.query)
		return dst, nil
	}
	// Each request names a limit, so the Editor would ask for the window in any case.
	if _, known := t.Window(); !known && read.kind == create {
		t.AskWindow(r.finish)
		return dst, nil
	}
	return r.finish(dst)
}

// finish writes the chat request and has it edited.
func (r *translation) finish(dst []byte) ([]byte, *hub.Problem) {
	read, t := &r.reader, r.reader.turn
	r.write(read.fields.lookup())
	if read.in.problem != nil {
		return dst, read.in.problem
	}
	form := createForm
	if read.kind == countTokens {
		form = countForm
	}
	dst, p := r.editor.EditTrusted(dst, r.chat.text, r.chat.trusted, t, form)
	if p == nil {
		r.nameReplies()
	}
	return dst, p
}

// write has the history settled and all of it written.
func (r *translation) write(model []byte) {
	read, c, t := &r.reader, &r.conversation, r.reader.turn
	read.readThinking(c.afterResults)
	if read.thinking.off {
		t.Request.NoThinking = true
		read.req.hideThinking = t.Request.Model.Thinking == catalog.Always
	}
	if read.thinking.keep {
		t.Request.PreserveThinking = "true"
	}
	t.Request.AsksThinking = read.asksThinking()
	if !t.Request.AsksThinking {
		read.hideThinking()
	}
	t.Request.Cap = hub.NoCap // of a request that warms the cache as the next one will be
	if n, ok := integer(read.fields.maxTokens); ok && n > 0 {
		t.Request.Cap = n
	}
	prefill := c.settle(read.thinking.keepTurns)
	if prefill { // the Editor will see to it; what is written for a model that thinks goes too
		t.Request.NoThinking = true
	}
	system := c.systemText()
	if c.history.Len() == 0 && len(system) == 0 {
		read.in.reject("messages", "holds nothing to answer.")
		return
	}
	r.chat.write(model, system, prefill)
}

// nameReplies has replies name the model as the client did, suffix and all, and know the tools'
// names where they come in pieces. All are in one buffer.
func (r *translation) nameReplies() {
	read := &r.reader
	lists := [...][]tool{read.tools.declared, read.tools.added}
	size := len(read.fields.model) + 1
	for _, list := range lists {
		for i := range list {
			size += len(list[i].name)
		}
	}
	b := jsonedit.PutBytes(make([]byte, 0, size), read.fields.model)
	n := len(b)
	for _, list := range lists {
		for i := range list {
			if list[i].sent && read.turn.Request.Streamed {
				b = jsonedit.AppendUnquoted(append(b, 0), list[i].name)
			}
		}
	}
	read.turn.Request.Name, read.req.tools = b[:n:n], append(b[n:], 0)
}
