package responses

import (
	"bufio"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/process"
	"github.com/qwenvoy/qwenvoy/native/store"
)

// redis starts a server of the test's own and returns its URL.
func redis(t *testing.T) (url string, server *process.Process) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("this test needs redis-server, of the Debian package of that name: %v", err)
	}
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	server, err = process.Start(t.TempDir(), nil, "redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if err := server.Until("Redis", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}); err != nil {
		t.Fatal(err)
	}
	return "redis://" + address + "/0", server
}

func onRedis(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Redis: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTwoEdgesShareARedis(t *testing.T) {
	url, _ := redis(t)
	a, b := start(t, setup{store: onRedis(t, url)}), start(t, setup{store: onRedis(t, url)})
	first, _ := a.create(create("one"))
	second, object := b.create(create("two", `"previous_response_id":"`+first+`"`))
	if answerOf(object) != "2 before: two" {
		t.Error(object)
	}
	if _, object := a.create(create("three", `"previous_response_id":"`+second+`"`)); answerOf(object) != "4 before: three" {
		t.Error(object)
	}
	// One runs, the other polls, follows and cancels.
	resp, err := http.Post(a.url+"/v1/responses", "application/json", strings.NewReader(create("wait", `"background":true`, `"stream":true`)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line := ""
	for r := bufio.NewReader(resp.Body); !strings.HasPrefix(line, "data: "); {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	job := readEvents(t, "event: response.created\n"+line+"\n")[0].response()["id"].(string)
	followed := make(chan string, 1)
	go func() {
		r, _ := b.try("GET", "/v1/responses/"+job+"?stream=true", "")
		followed <- r.text
	}()
	eventually(t, "in progress", func() bool {
		return b.do("GET", "/v1/responses/"+job, "").object["status"] == "in_progress"
	})
	a.model.next <- struct{}{}
	events := readEvents(t, <-followed)
	if last := events[len(events)-1]; last.kind != "response.completed" || answerOf(last.response()) != "a word: 0 before: wait" {
		t.Error(last.text)
	}
	other, _ := a.create(create("wait", `"background":true`))
	a.works()
	if r := b.do("POST", "/v1/responses/"+other+"/cancel", ""); r.object["status"] != "cancelled" {
		t.Error(r.text)
	}
	eventually(t, "the turn's end", func() bool { _, ended := a.model.counts(); return ended == 1 })
	// A conversation has one response at a time, wherever.
	conversation := a.conversation(`{}`)
	job, _ = a.create(create("wait", `"background":true`, `"conversation":"`+conversation+`"`))
	b.do("POST", "/v1/responses", create("hello", `"conversation":"`+conversation+`"`)).wants(t, 409, "conversation", "conversation_locked")
	a.model.next <- struct{}{}
	b.polled(job)
	eventually(t, "the conversation's release", func() bool {
		return b.do("POST", "/v1/responses", create("hello", `"conversation":"`+conversation+`"`)).status == 200
	})
	if got := a.texts(conversation); got != "wait|a word: 0 before: wait|hello|2 before: hello" {
		t.Error(got)
	}
}

func TestRedisGoesAndComesBack(t *testing.T) {
	url, server := redis(t)
	e := start(t, setup{store: onRedis(t, url)})
	id, _ := e.create(create("one"))
	server.Stop()
	for range 2 {
		if _, object := e.create(create("hello", `"store":false`)); object["status"] != "completed" {
			t.Error(object)
		}
		if _, object := e.create(create("hello")); object["status"] != "completed" {
			t.Error(object)
		}
	}
	e.do("POST", "/v1/responses", create("hello", `"store":true`)).wants(t, 503, nil, "store_unavailable")
	e.do("POST", "/v1/responses", create("hello", `"previous_response_id":"`+id+`"`)).wants(t, 503, nil, "store_unavailable")
	e.do("GET", "/v1/responses/"+id, "").wants(t, 503, nil, "store_unavailable")
	port := strings.TrimSuffix(url[strings.LastIndex(url, ":")+1:], "/0")
	again, err := process.Start(t.TempDir(), nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Stop)
	eventually(t, "Redis's return", func() bool {
		return e.do("POST", "/v1/responses", create("hello", `"store":true`)).status == 200
	})
}
