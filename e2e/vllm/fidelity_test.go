package vllm

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// The same question goes to the real vLLM and to the simulator. Their answers must have
// the same shape: status, header, keys in their order with the types of their values,
// kinds and order of events, and word for word what is no model's making (errors, names).
func TestTheSimulatorAnswersInTheShapeOfARealServer(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	simulated := httptest.NewServer(simulator.New(simulator.Options{ServedModel: real, MaxModelLen: 8192, VLLM: release(t)}))
	defer simulated.Close()
	explained, err := explanations()
	if err != nil {
		t.Fatal(err)
	}
	asked := questions()
	for name := range explained {
		if !slices.ContainsFunc(asked, func(q question) bool { return q.name == name }) {
			t.Errorf("differences of %q are explained, which is not asked", name)
		}
	}
	for _, q := range asked {
		t.Run(q.name, func(t *testing.T) {
			accepted := explained[q.name]
			var unexplained, stale []string
			// Under load vLLM puts several tokens into one event, which now and then makes
			// another kind of event. A difference counts when it stays.
			for range 3 {
				differing := differences(shape(t, vllmURL, &q), shape(t, simulated.URL, &q))
				unexplained, stale = without(differing, accepted), without(accepted, differing)
				if len(unexplained)+len(stale) == 0 {
					break
				}
			}
			for _, line := range unexplained {
				t.Errorf("differs (- real, + simulated): %s", line)
			}
			for _, line := range stale {
				t.Errorf("is explained, but differs no more: %s", line)
			}
		})
	}
}

// release is the server's, as the simulator's option names it: 0.32 of 0.32.0.
func release(t *testing.T) string {
	version := ask(t, "GET", vllmURL+"/version", nil).get("version").String()
	if parts := strings.Split(version, "."); len(parts) >= 2 {
		return parts[0] + "." + parts[1]
	}
	t.Fatalf("the server's version is %q", version)
	return ""
}

// The simulator has but a few of vLLM's metrics; those must be real ones.
func TestTheSimulatorsMetricsAreRealOnes(t *testing.T) {
	need(t, "QWENVOY_VLLM_URL", vllmURL)
	simulated := httptest.NewServer(simulator.New(simulator.Options{ServedModel: real, MaxModelLen: 8192, VLLM: release(t)}))
	defer simulated.Close()
	q := question{method: "GET", path: "/metrics", noBody: true}
	families := func(url string) (found []string) {
		r := get(t, url, &q)
		for line := range strings.Lines(string(r.body)) {
			if strings.HasPrefix(line, "# TYPE ") {
				found = append(found, strings.TrimSpace(line))
			}
		}
		return found
	}
	simulatedOnes := families(simulated.URL)
	if len(simulatedOnes) == 0 {
		t.Fatal("there are none")
	}
	for _, line := range without(simulatedOnes, families(vllmURL)) {
		t.Errorf("the real server has no such family: %s", line)
	}
}

func get(t *testing.T, url string, q *question) *reply {
	t.Helper()
	r, err := q.do(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return r
}

// shape is what an answer looks like, a line for each thing.
func shape(t *testing.T, url string, q *question) (lines []string) {
	t.Helper()
	r := get(t, url, q)
	add := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		// The server's own address, for redirects.
		lines = append(lines, strings.ReplaceAll(text, strings.TrimPrefix(url, "http://"), "SERVER"))
	}
	add("status %d", r.status)
	if r.continued {
		add("100 Continue")
	}
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		switch name {
		case "Date", "Content-Length":
			add("header %s", name)
		default:
			add("header %s: %s", name, masked(strings.Join(r.header[name], " | ")))
		}
	}
	switch v := gjson.ParseBytes(r.body); {
	case r.isStream():
		lines = append(lines, streamShape(r)...)
	case len(r.body) > 0 && gjson.ValidBytes(r.body):
		lines = append(lines, structure("", v)...)
	default:
		add("text %q", masked(string(r.body)))
	}
	return lines
}

// streamShape lists the kinds of events in their order. How many deltas a text comes
// in is the tokenizer's doing, so that several of one kind count as one.
func streamShape(r *reply) (lines []string) {
	framed := len(r.chunks) > 0
	for _, c := range r.chunks {
		framed = framed && bytes.HasPrefix(c, []byte("data: ")) && bytes.HasSuffix(c, []byte("\n\n")) && bytes.Count(c, []byte("\n")) == 2
	}
	if framed {
		lines = append(lines, "each chunk is one event of one data line")
	}
	// Choices of one request come in any order; each by itself is in order.
	byChoice := map[int64][]string{}
	texts := map[string]string{}
	for event := range strings.SplitSeq(strings.TrimSuffix(string(r.body), "\n\n"), "\n\n") {
		data, _ := strings.CutPrefix(event, "data: ")
		if !gjson.Valid(data) {
			byChoice[1000] = append(byChoice[1000], "event "+data)
			continue
		}
		v := gjson.Parse(data)
		choice := int64(999) // usage
		if c := v.Get("choices.0.index"); c.Exists() {
			choice = c.Int()
		}
		for _, field := range []string{"delta.reasoning", "delta.content"} {
			texts[fmt.Sprintf("choice %d %s", choice, field)] += v.Get("choices.0." + field).String()
		}
		kind := "event " + strings.Join(structure("", v), " ")
		if list := byChoice[choice]; len(list) == 0 || list[len(list)-1] != kind {
			byChoice[choice] = append(list, kind)
		}
	}
	for _, choice := range slices.Sorted(maps.Keys(byChoice)) {
		lines = append(lines, byChoice[choice]...)
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		lines = append(lines, name+" "+outline(texts[name]))
	}
	return lines
}

// structure lists keys in order with the types of their values, or the values where
// the server and not the model chooses them; of lists, the first element and whether
// there are more.
func structure(path string, v gjson.Result) (lines []string) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case v.IsObject():
		lines = append(lines, path+"{}")
		v.ForEach(func(k, v gjson.Result) bool {
			lines = append(lines, structure(path+"."+k.Str, v)...)
			return true
		})
	case key == "bytes" && v.IsArray(): // as many as the token has
		lines = append(lines, path+"[]")
	case v.IsArray():
		list := v.Array()
		lines = append(lines, fmt.Sprintf("%s[%d]", path, min(len(list), 2)))
		if len(list) > 0 {
			lines = append(lines, structure(path+"[]", list[0])...)
		}
	case v.Type == gjson.String && slices.Contains(texts, key) && !strings.Contains(path, "delta") && !strings.Contains(path, "logprobs"):
		lines = append(lines, path+"="+outline(v.Str))
	case v.Type == gjson.String && !slices.Contains(models, key), key == "index", key == "code":
		lines = append(lines, path+"="+masked(v.String()))
	default:
		lines = append(lines, path+":"+v.Type.String())
	}
	return lines
}

var (
	// texts are the model's words; what surrounds them is the server's doing.
	texts = []string{"content", "reasoning"}
	// models are values of the model, or the place where it lies.
	models = []string{"content", "reasoning", "text", "arguments", "token", "root", "prompt", "prompt_text", "token_strs[]", "tokens[]", "text_offset[]", "top_logprobs"}

	// random are ids, and the hash of the settings in the fingerprint.
	random = regexp.MustCompile(`[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}$`)
)

func masked(text string) string { return random.ReplaceAllString(text, "#") }

// outline shows the white space around a text and whether there is one.
func outline(text string) string {
	inner := strings.TrimSpace(text)
	if inner == "" {
		return fmt.Sprintf("%q", text)
	}
	before, after, _ := strings.Cut(text, inner)
	return fmt.Sprintf("%q text %q", before, after)
}

// differences lists the lines that only one side has, or in another place: "- " before
// those of a, "+ " before those of b.
func differences(a, b []string) (out []string) {
	// longest[i][j] is the length of the longest common part of a[i:] and b[j:].
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = 1 + longest[i+1][j+1]
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}

// without is a less the lines of b.
func without(a, b []string) (out []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			out = append(out, line)
		}
	}
	return out
}
