package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// metrics tells a few of vLLM's families, with its labels.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	family := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	sample := func(name, labels string, value int64) {
		fmt.Fprintf(&b, "%s{engine=\"0\",%smodel_name=%q} %d.0\n", name, labels, s.o.ServedModel, value)
	}
	family("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.")
	sample("vllm:num_requests_running", "", s.running.Load())
	family("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.")
	sample("vllm:num_requests_waiting", "", 0)
	family("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.")
	sample("vllm:kv_cache_usage_perc", "", 0)
	family("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.")
	sample("vllm:prompt_tokens_total", "", s.totals.prompt.Load())
	family("vllm:generation_tokens_total", "counter", "Number of generation tokens processed.")
	sample("vllm:generation_tokens_total", "", s.totals.generated.Load())
	family("vllm:request_success_total", "counter", "Count of successfully processed requests.")
	for _, reason := range []string{"stop", "length", "abort", "error", "repetition"} {
		n := int64(0)
		switch reason {
		case "stop":
			n = s.totals.stopped.Load()
		case "length":
			n = s.totals.cut.Load()
		}
		sample("vllm:request_success_total", fmt.Sprintf("finished_reason=%q,", reason), n)
	}
	w.Header().Set("Content-Type", "text/plain; version=1.0.0; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	w.WriteHeader(http.StatusOK)
	w.Write([]byte(b.String()))
}

func (s *server) load(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		ServerLoad int64 `json:"server_load"`
	}{s.running.Load()})
}
