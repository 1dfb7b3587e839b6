package simulator

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWhatTheReleasesSayDifferently asks both for what no recording fixes: calls cut at other tokens
// than the real model's, and a failing engine.
func TestWhatTheReleasesSayDifferently(t *testing.T) {
	const call = `"messages":[{"role":"user","content":"Weather in Paris?"}],"max_tokens":%d,"chat_template_kwargs":{"enable_thinking":false},` +
		`"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object",` +
		`"properties":{"city":{"type":"string"}},"required":["city"]}}}]%s`
	reasons := map[string]map[string]int{}
	for _, release := range []string{"0.32", "0.33"} {
		srv := httptest.NewServer(New(Options{VLLM: release, Control: true}))
		defer srv.Close()
		ask := func(body, fault string) string {
			req, err := http.NewRequest(http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if fault != "" {
				req.Header.Set("X-Simulate", fault)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			reply, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(reply)
		}
		reasons[release] = map[string]int{}
		for limit := 4; limit < 60; limit++ {
			for _, choice := range []string{"", `,"tool_choice":"required"`} {
				reply := ask(fmt.Sprintf("{"+call+"}", limit, choice), "")
				for _, reason := range []string{"length", "tool_calls"} {
					if strings.Contains(reply, `"tool_calls":[`) && strings.Contains(reply, `"finish_reason":"`+reason+`"`) {
						reasons[release][reason]++
					}
				}
			}
		}
		gone := ask(`{"messages":[{"role":"user","content":"hello"}],"stream":true}`, "error-in-stream")
		if want := map[string]string{"0.32": "EngineCore encountered", "0.33": "The server had an error"}[release]; !strings.Contains(gone, want) {
			t.Errorf("%s: a failing engine says %s", release, gone)
		}
	}
	if n := reasons["0.32"]["length"]; n > 0 {
		t.Errorf("0.32 says length of %d cut calls", n)
	}
	if n := reasons["0.33"]["length"]; n == 0 || reasons["0.33"]["tool_calls"] == 0 {
		t.Errorf("0.33 says %v", reasons["0.33"])
	}
}

// TestAReleaseThatNobodyKnowsIsRefused holds the error to naming those that there are.
func TestAReleaseThatNobodyKnowsIsRefused(t *testing.T) {
	o := Options{VLLM: "0.11"}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "0.32") || !strings.Contains(err.Error(), "0.33") {
		t.Errorf("%v", err)
	}
}
