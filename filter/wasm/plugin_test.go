package main_test

import (
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

func TestBadConfigurationIsRefusedByItsKey(t *testing.T) {
	tests := []struct{ config, key string }{
		{`{"upstreams":[{"model":"m"}],"enforce_samplings":true}`, "enforce_samplings"},
		{`{"upstreams":[{"model":"m"}],"late_system":"sometimes"}`, "late_system"},
		{`{"upstreams":[{"model":"m","kind":"sglang-ish"}]}`, "upstreams[0].kind"},
		{`{"upstreams":`, "JSON"},
		{`{}`, "upstreams"},
		{"\n\x0d\n\x03log\x12\x06", "StringValue"},
	}
	for _, test := range tests {
		h, err := wasmtest.Start(wasmtest.Options{Module: wasmtest.Module(t), Config: test.config})
		if err != wasmtest.ErrRefused {
			t.Errorf("%s: %v, want it refused", test.config, err)
			continue
		}
		defer h.Close()
		if logs := h.Logs(); len(logs) != 1 || logs[0].Level != "critical" || !strings.Contains(logs[0].Text, test.key) {
			t.Errorf("%s: the log says %v", test.config, logs)
		}
	}
}

func TestKeysOfTheBinaryAreAcceptedWithOneLine(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: `{"listen":"0.0.0.0","port":1234,"timeouts":{"idle":"1m"},"log":{"format":"json"},"store":{"folder":"/var/lib/qwenvoy"},
		"upstreams":[{"url":"http://10.0.0.1:8000","model":"Qwen3.5-27B"}]}`})
	logs := h.Logs()
	if len(logs) != 1 || logs[0].Level != "info" {
		t.Fatalf("the log says %v", logs)
	}
	for _, key := range []string{"listen", "port", "timeouts", "store", "log.format", "upstreams[0].url"} {
		if !strings.Contains(logs[0].Text, key) {
			t.Errorf("%s is missing in %q", key, logs[0].Text)
		}
	}
}

func TestTraceShowsNoText(t *testing.T) {
	h := wasmtest.New(t, wasmtest.Options{Config: configuration(`,"log":{"level":"DEBUG"}`)})
	h.Exchange(t, wasmtest.Post(chat, []byte(question)), replies(wasmtest.JSON(200, []byte(answer))))
	logs := h.Logs()
	if len(logs) != 1 || logs[0].Level != "debug" || !strings.Contains(logs[0].Text, virtual) {
		t.Fatalf("the log says %v", logs)
	}
	for _, text := range []string{"Grüße", "hello"} {
		if strings.Contains(logs[0].Text, text) {
			t.Errorf("%q is in the log: %s", text, logs[0].Text)
		}
	}
}
