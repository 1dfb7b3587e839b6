package local

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/envoy"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	"github.com/qwenvoy/qwenvoy/e2e/upstream"
)

// A configuration that says of Envoy's allow_on_headers_stop_iteration what is not so costs the
// first exchanges a second, and a line in the log; none hangs.
func TestAMistakenKnobHangsNoExchange(t *testing.T) {
	needEnvoy(t)
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	models := `{"object":"list","data":[{"id":"` + served + `","object":"model","max_model_len":8192}]}`
	cases := []struct {
		name string
		ask  func(t *testing.T, url, id string) (int, string, error)
	}{
		{"request", func(t *testing.T, url, id string) (int, string, error) { return ask(t, url, id, question) }},
		{"large request", func(t *testing.T, url, id string) (int, string, error) { return ask(t, url, id, chatOf(8_000_000)) }},
		{"request in chunks", func(t *testing.T, url, id string) (int, string, error) {
			return askBig(t, url+chat, id, io.MultiReader(strings.NewReader(question)))
		}},
		{"reply", func(t *testing.T, url, id string) (int, string, error) { return get(t, url+"/v1/models", id) }},
		{"large reply", func(t *testing.T, url, id string) (int, string, error) { return get(t, url+"/v1/models?large", id) }},
	}
	var listeners []envoy.Listener
	for i, c := range cases { // each with a plugin of its own, which has its configuration
		listeners = append(listeners, envoy.Listener{Name: c.name, Config: must[string](t)(sjson.Set(config, "limits.event", 10<<20+i)),
			Upstream: must[*upstream.Server](t)(scripted()).Address, Mistaken: true})
	}
	dir := filepath.Join(scratch, "envoy-mistaken")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	e := must[*envoy.Running](t)(startEnvoy(dir, listeners))
	defer e.Stop()
	id := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "application/json")
		switch {
		case r.Method == "POST":
			_, _ = io.WriteString(w, reply)
		case r.URL.RawQuery == "":
			_, _ = io.WriteString(w, models)
		default:
			_, _ = io.WriteString(w, strings.Repeat(" ", 16<<20)+models)
		}
	})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for range 4 { // whichever worker takes it
				status, text, err := c.ask(t, e.URLs[c.name], id)
				if err != nil || status != 200 || !strings.Contains(text, virtual) {
					t.Fatalf("got %d %q (%v)\n%s", status, text, err, e.Log())
				}
			}
		})
	}
	if n := strings.Count(e.Log(), "Set both or neither"); n == 0 || n > 2*len(cases) || !strings.Contains(e.Log(), "[error]") {
		t.Errorf("said %d times:\n%s", n, e.Log())
	}
}

// get is ask without a body.
func get(t *testing.T, url, id string) (status int, text string, err error) {
	t.Helper()
	r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "GET", url, nil))
	r.Header.Set(upstream.Header, id)
	resp, err := client().Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// Neither a client that is slow to send its body nor a server that is slow to send a reply's is
// taken for it: where heads are held, the status follows from the reply.
func TestSlowBodiesAreNoMistake(t *testing.T) {
	f := theFleet(t)
	slow := 4 * time.Second // several ticks
	id := play(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "application/json")
		_ = http.NewResponseController(w).Flush()
		<-time.After(slow)
		_, _ = io.WriteString(w, `{"error":{"message":"no","code":503}}`)
	})
	body, w := io.Pipe()
	go func() {
		<-time.After(slow)
		_, _ = io.WriteString(w, question)
		w.Close()
	}()
	status, text, err := askBig(t, f.URLs["default"]+chat, id, body)
	if err != nil || status < 500 || !gjson.Get(text, "error").Exists() {
		t.Errorf("got %d %q (%v), want the reply's error with its status", status, text, err)
	}
	if strings.Contains(f.Log(), "Set both or neither") {
		t.Error(f.Log())
	}
}
