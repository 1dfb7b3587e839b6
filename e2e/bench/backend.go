package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// streamChunks is how many pieces of text a fast stream has.
	streamChunks = 200
	// extraEvents are the role, the finish, the usage and [DONE].
	extraEvents = 4
	// answerEnd stands near the end of a plain answer.
	answerEnd = `"total_tokens":211`
	// sentAt begins the text of a slow stream's chunk; Unix nanoseconds follow.
	sentAt = `"content":" sent at `
)

// listen opens a port of the kernel's choice and says which on standard output, where
// the parent process reads it.
func listen() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Fprintln(os.Stdout, listening+l.Addr().String())
	}
	return l, err
}

const listening = "listening on "

// serveBackend is a canned vLLM: chat answers in its shape and with its headers, at
// once, with as little work as net/http allows.
func serveBackend(args []string) error {
	flags := flag.NewFlagSet("backend", flag.ExitOnError)
	chunks := flags.Int("chunks", streamChunks, "pieces of text in a stream")
	gap := flags.Duration("gap", 0, "pause between them; with one, each says when it was sent")
	_ = flags.Parse(args)

	l, err := listen()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, path := range []string{chatPath, responsesPath, messagesPath} {
		mux.Handle("POST "+path, &cannedChat{chunks: *chunks, gap: *gap})
	}
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, []byte(`{"object":"list","data":[{"id":"`+servedModel+`","object":"model","created":1700000000,"owned_by":"vllm","root":"`+servedModel+`","parent":null,"max_model_len":262144,"permission":[]}]}`))
	})
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	return http.Serve(l, mux)
}

type cannedChat struct {
	chunks int
	gap    time.Duration
}

const chunkHead = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"` + servedModel + `","choices":[`

func chunk(delta string) string {
	return chunkHead + `{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":null,"token_ids":null}]}` + "\n\n"
}

var (
	plainAnswer = []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"` + servedModel +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("hello world ", 60) +
		`","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning":"I should say something."},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}],"service_tier":null,"system_fingerprint":null,"usage":{"prompt_tokens":11,"total_tokens":211,"completion_tokens":200,"prompt_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"kv_transfer_params":null}`)
	firstChunk = []byte(chunk(`{"role":"assistant","content":""}`))
	textChunks = func() (out [][]byte) {
		for _, w := range []string{" hello", " world", " this", " stream", " goes", " on", " and", " on."} {
			out = append(out, []byte(chunk(`{"content":"`+w+`"}`)))
		}
		return out
	}()
	lastChunks = []byte(chunkHead + `{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]}` + "\n\n" +
		chunkHead + `],"usage":{"prompt_tokens":11,"total_tokens":211,"completion_tokens":200}}` + "\n\ndata: [DONE]\n\n")
)

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (c *cannedChat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(b)
	b.Reset()
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("}")) || !bytes.Contains(b.Bytes(), []byte(`"messages":[`)) && !bytes.Contains(b.Bytes(), []byte(`"input":[`)) {
		http.Error(w, "the request is not whole", http.StatusBadRequest)
		return
	}
	if !bytes.Contains(b.Bytes(), []byte(`"stream":true`)) {
		writeJSON(w, plainAnswer)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	flush := http.NewResponseController(w).Flush
	_, _ = w.Write(firstChunk)
	if c.gap > 0 {
		_ = flush()
	}
	for i := range c.chunks {
		if c.gap > 0 {
			time.Sleep(c.gap)
			_, _ = io.WriteString(w, chunk(`{`+sentAt+strconv.FormatInt(time.Now().UnixNano(), 10)+`"}`))
		} else {
			_, _ = w.Write(textChunks[i%len(textChunks)])
		}
		_ = flush()
	}
	_, _ = w.Write(lastChunks)
}

func writeJSON(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// serveBare is Go's own reverse proxy and nothing else: what the others are compared with.
func serveBare(args []string) error {
	flags := flag.NewFlagSet("bare", flag.ExitOnError)
	target := flags.String("target", "", "the backend's URL")
	_ = flags.Parse(args)
	u, err := url.Parse(*target)
	if err != nil {
		return err
	}
	l, err := listen()
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1000
	transport.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(u) },
		FlushInterval: -1,
		Transport:     transport,
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else the server closes the request's body at the reply's first byte; the transport,
		// still on its way to the body's end, then gives up and 3 to 9 % of streams are cut.
		_ = http.NewResponseController(w).EnableFullDuplex()
		proxy.ServeHTTP(w, r)
	}))
}
