package local

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/qwenvoy/qwenvoy/e2e/process"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
	grammar "github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// lapse is for what takes a lease and a look for lapsed ones.
const lapse = 2 * time.Minute

// asked is a request to a binary; slow makes the model slow.
func asked(t *testing.T, method, url, body string, slow bool) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if slow {
		req.Header.Set("X-Simulate", "slow=50ms")
	}
	r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r
}

func answered(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	r := asked(t, method, url, body, false)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// running begins a background response that is streamed, and returns its id and what
// was read of it: more than its head.
func running(t *testing.T, url string) (id, read string) {
	t.Helper()
	r := asked(t, "POST", url+"/v1/responses", `{"model":"`+virtual+`","input":"count to 400","background":true,"stream":true}`, true)
	var text strings.Builder
	for lines := bufio.NewReader(r.Body); !strings.Contains(text.String(), ".delta\n"); {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %s", err, &text)
		}
		text.WriteString(line)
		if data, ok := strings.CutPrefix(line, "data: "); ok && id == "" {
			id = gjson.Get(data, "response.id").Str
		}
	}
	return id, text.String()
}

// failedOver polls a response whose process was killed until another one has failed it,
// and checks the events that are left of it.
func failedOver(t *testing.T, url, id, read string) {
	t.Helper()
	var text string
	for end := time.Now().Add(lapse); ; time.Sleep(100 * time.Millisecond) {
		var status int
		if status, text = answered(t, "GET", url+"/v1/responses/"+id, ""); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		if s := gjson.Get(text, "status").Str; s != "queued" && s != "in_progress" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("still %s", text)
		}
	}
	if gjson.Get(text, "status").Str != "failed" || gjson.Get(text, "error.code").Str != "server_error" {
		t.Error(text)
	}
	for _, fault := range grammar.Object([]byte(text)) {
		t.Error(fault)
	}
	_, stream := answered(t, "GET", url+"/v1/responses/"+id+"?stream=true", "")
	for _, fault := range grammar.Check([]byte(stream), grammar.Options{}) {
		t.Errorf("%v", fault)
	}
	// What the client was sent is there. The last lines of it may be a part of an event.
	whole := read[:strings.LastIndex(read, "\n\n")+2]
	if !strings.HasPrefix(stream, whole) || !strings.Contains(stream, "event: response.failed\n") {
		t.Errorf("resumed\n%s\nread before\n%s", stream, whole)
	}
}

func created(t *testing.T, url, members string) string {
	t.Helper()
	status, text := answered(t, "POST", url+"/v1/responses", `{"model":"`+virtual+`","input":"hello"`+members+`}`)
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	return gjson.Get(text, "id").Str
}

func killed(t *testing.T, p *process.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
}

// A binary is killed while it runs a background response. Another one on the same Redis
// finds the response by its lapsed lease; what was acknowledged before is there.
func TestABinaryThatDiesLeavesItsResponsesToAnother(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs redis-server, of the Debian package of that name: %v", err)
	}
	port := must[int](t)(process.FreePort())
	redis := must[*process.Process](t)(process.Start(t.TempDir(), nil, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", ""))
	t.Cleanup(redis.Stop)
	if err := redis.Until("Redis", func() bool {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}); err != nil {
		t.Fatal(err)
	}
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	config = must[string](t)(sjson.Set(config, "store.redis", fmt.Sprintf("redis://127.0.0.1:%d/0", port)))
	a, urlA := nativeFor(t, config, must[string](t)(simulated()))
	_, urlB := nativeFor(t, config, must[string](t)(simulated()))

	first := created(t, urlA, "")
	second := created(t, urlB, `,"previous_response_id":"`+first+`"`)
	id, read := running(t, urlA)
	killed(t, a)
	third := created(t, urlB, `,"previous_response_id":"`+second+`"`)
	if status, text := answered(t, "GET", urlB+"/v1/responses/"+third+"/input_items?order=asc", ""); status != 200 || len(gjson.Get(text, `data.#(role=="user")#`).Array()) != 3 {
		t.Errorf("%d %s", status, text)
	}
	failedOver(t, urlB, id, read)
}

// The same with a file: the binary that is started again on it finds what its forerunner left.
func TestABinaryThatIsKilledFindsItsFileWhole(t *testing.T) {
	config := string(must[map[string][]byte](t)(scenario.Configs())["default"])
	config = must[string](t)(sjson.Set(config, "store.folder", t.TempDir()))
	a, url := nativeFor(t, config, must[string](t)(simulated()))
	first := created(t, url, "")
	id, read := running(t, url)
	killed(t, a)
	_, url = nativeFor(t, config, must[string](t)(simulated()))
	if status, text := answered(t, "GET", url+"/v1/responses/"+first, ""); status != 200 || gjson.Get(text, "status").Str != "completed" {
		t.Errorf("%d %s", status, text)
	}
	created(t, url, `,"previous_response_id":"`+first+`"`)
	failedOver(t, url, id, read)
}
