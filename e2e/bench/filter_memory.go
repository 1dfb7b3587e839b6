package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// A memorySample is the size of the filter's linear memory, which never shrinks, after
// so many requests.
type memorySample struct{ requests, bytes int }

// measureFilterMemory sends requests of 70 KB through the filter's module in wazero,
// one by one; each tenth asks for a stream.
func measureFilterMemory(ctx context.Context, path string, requests int) ([]memorySample, error) {
	module, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	h, err := wasmtest.Start(wasmtest.Options{Module: module, Config: filterConfig(), Knob: true})
	if h != nil {
		defer h.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%w; the filter's log: %v", err, h.Logs())
	}
	plain := agentChat(890)
	streamed := bytes.Replace(plain, []byte(`"stream":false`), []byte(`"stream":true`), 1)
	samples := []memorySample{{0, h.MemoryBytes()}}
	next := 100
	for n := 1; n <= requests; n++ {
		if n%100 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		body, stream := plain, n%10 == 0
		if stream {
			body = streamed
		}
		if err := exchange(h, body, stream); err != nil {
			return nil, fmt.Errorf("request %d through the filter: %w", n, err)
		}
		if n == next || n == requests {
			samples = append(samples, memorySample{n, h.MemoryBytes()})
			progress("filter in wazero: %d requests of %d bytes, linear memory %.1f MiB", n, len(body), float64(h.MemoryBytes())/(1<<20))
			next = n * 10
		}
	}
	return samples, nil
}

// exchange feeds a request and its reply in pieces as Envoy reads them.
func exchange(h *wasmtest.Host, body []byte, stream bool) error {
	const read = 16 << 10
	s := h.NewStream()
	defer s.Close()
	r := wasmtest.Post(chatPath, body)
	s.RequestHead(r.Header, false)
	for _, piece := range wasmtest.Pieces(body, read) {
		s.RequestBody(piece, false)
	}
	s.RequestBody(nil, true)
	if !s.Upstream.Ended {
		return fmt.Errorf("the request did not go upstream; answered %d %s", s.Client.Status(), s.Client.Body())
	}
	if stream {
		s.ReplyHead(wasmtest.Events().Header, false)
		s.ReplyBody(firstChunk, false)
		for i := range streamChunks {
			s.ReplyBody(textChunks[i%len(textChunks)], false)
		}
		s.ReplyBody(lastChunks, false)
	} else {
		s.ReplyHead(wasmtest.JSON(200, plainAnswer).Header, false)
		s.ReplyBody(plainAnswer, false)
	}
	s.ReplyBody(nil, true)
	if s.Client.Status() != 200 || !s.Client.Ended {
		return fmt.Errorf("answered %d %s", s.Client.Status(), s.Client.Body())
	}
	// The request doesn't ask for usage, so that one event fewer may come out.
	if got := s.Client.Body(); !bytes.Contains(got, []byte(`"model":"`+virtualModel+`"`)) || stream && !bytes.HasSuffix(got, []byte("data: [DONE]\n\n")) {
		return fmt.Errorf("the reply is not whole: %s", got)
	}
	return nil
}
