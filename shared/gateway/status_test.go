package gateway

import (
	"strings"
	"testing"
)

// A status that HTTP does not have is the server's fault, on all routes, passed ones included;
// what a server says of itself to its own clients goes no further.
func TestReplyHeadsOfAllRoutes(t *testing.T) {
	g := newGateway(t, "", Edge{})
	paths := []string{"/v1/embeddings", "/metrics"}
	for path := range routes {
		paths = append(paths, path)
	}
	json := func(name string) string { return map[string]string{"content-type": "application/json"}[name] }
	for _, path := range paths {
		for _, method := range []string{"GET", "POST"} {
			for _, status := range []int{-1, 0, 1, 99, 600, 999} {
				x := open(g, Env{}, method, path)
				if x.Plan().Action == Local {
					continue
				}
				p := x.ReplyHead(status, json)
				if p.Mode != ReplyLocal || p.Answer.Status != 502 || !strings.Contains(string(p.Answer.Body), "which HTTP does not have") {
					t.Errorf("%s %s, %d: %+v", method, path, status, p)
				}
			}
			for _, status := range []int{200, 204, 304, 404, 429, 503} {
				x := open(g, Env{}, method, path)
				if x.Plan().Action == Local {
					continue
				}
				p := x.ReplyHead(status, json)
				for _, name := range []string{"Set-Cookie", "server", "X-Powered-By", "Via", "CF-Ray", "Request-Id", "openai-organization",
					"Anthropic-Organization-Id", "anthropic-ratelimit-unified-status", "Anthropic-Ratelimit-Tokens-Remaining"} {
					if p.Mode != ReplyLocal && !p.Edit.Drops(name) {
						t.Errorf("%s %s, %d: %s goes on", method, path, status, name)
					}
				}
			}
		}
	}
}
