package responses

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

// Object checks a whole response object: the answer to a request without stream, or to
// GET /v1/responses/{id}.
func Object(data []byte) (faults []error) {
	report := grammar.Report(func(note bool, what string) {
		faults = append(faults, &grammar.Fault{Event: grammar.NoEvent, What: what, Note: note})
	})
	response, wrong := grammar.Parse(data)
	for _, w := range wrong {
		report.Fault("%s", w)
	}
	if response == nil {
		return faults
	}
	responseShape("", response, report)
	checkResponse("", response, report)
	return faults
}

var responseID = regexp.MustCompile(`^resp_[0-9A-Za-z_-]{24,}$`)

// checkResponse checks what the shape of a response can't say: how its parts depend
// on its status, and on each other.
func checkResponse(path string, response map[string]any, report grammar.Report) {
	note := func(key, format string, args ...any) {
		report.Note("%s %s", grammar.Join(path, key), fmt.Sprintf(format, args...))
	}
	status, _ := response["status"].(string)
	onlyIn := func(key, when string) {
		v, ok := response[key]
		switch {
		case !ok:
		case status == when && v == nil:
			note(key, "is null; must stand there when status is %q", when)
		case status != when && v != nil:
			note(key, "is %s; must be null unless status is %q", grammar.Describe(v), when)
		}
	}
	onlyIn("completed_at", completed)
	onlyIn("error", failed)
	onlyIn("incomplete_details", incomplete)
	if id, ok := response["id"].(string); ok && !responseID.MatchString(id) {
		note("id", `is %q; must be "resp_" and at least 24 letters and digits`, id)
	}
	if created, ok := grammar.AsCount(response["created_at"]); ok {
		if done, ok := grammar.AsCount(response["completed_at"]); ok && done < created {
			note("completed_at", "is %d; may not be before created_at, %d", done, created)
		}
	}
	if v, ok := response["usage"]; ok && v != nil && (status == queued || status == inProgress) {
		note("usage", "is %s; must be null while the response runs", grammar.Describe(v))
	}
	checkUsage(grammar.Join(path, "usage"), response["usage"], report)
	checkOutput(grammar.Join(path, "output"), response, status, report)
}

// checkUsage does the sums of a usage. Cached tokens are a part of the input, reasoning
// tokens of the output.
func checkUsage(path string, v any, report grammar.Report) {
	usage, _ := v.(map[string]any)
	in, ok1 := grammar.AsCount(usage["input_tokens"])
	out, ok2 := grammar.AsCount(usage["output_tokens"])
	total, ok3 := grammar.AsCount(usage["total_tokens"])
	if !ok1 || !ok2 || !ok3 {
		return
	}
	if total != in+out {
		report.Note("%s.total_tokens is %d; must be the sum of input_tokens and output_tokens, %d", path, total, in+out)
	}
	ins, _ := usage["input_tokens_details"].(map[string]any)
	cached, _ := grammar.AsCount(ins["cached_tokens"])
	written, _ := grammar.AsCount(ins["cache_write_tokens"])
	if cached+written > in {
		report.Note("%s.input_tokens_details counts %d tokens; they are a part of input_tokens, %d", path, cached+written, in)
	}
	outs, _ := usage["output_tokens_details"].(map[string]any)
	if reasoning, _ := grammar.AsCount(outs["reasoning_tokens"]); reasoning > out {
		report.Note("%s.output_tokens_details counts %d tokens; they are a part of output_tokens, %d", path, reasoning, out)
	}
}

func checkOutput(path string, response map[string]any, status string, report grammar.Report) {
	output, _ := response["output"].([]any)
	ids, calls := map[string]bool{}, map[string]bool{}
	for n, v := range output {
		item, _ := v.(map[string]any)
		at := fmt.Sprintf("%s[%d]", path, n)
		unique := func(key string, seen map[string]bool) {
			id, ok := item[key].(string)
			if ok && seen[id] {
				report.Fault("%s.%s %q was another item's; must be unique", at, key, id)
			}
			if ok {
				seen[id] = true
			}
		}
		unique("id", ids)
		if isCall(item) {
			unique("call_id", calls)
		}
		last := n == len(output)-1
		switch s := item["status"]; {
		case s == incomplete && (!last || status == completed):
			report.Note("%s.status is %q; only the last item may be, in a response that isn't completed", at, s)
		case s == inProgress && (!last || status != inProgress):
			report.Note("%s.status is %q; only the last item may be, while the response runs", at, s)
		}
		if item["status"] != inProgress {
			checkDone(at, item, report)
		}
		var before map[string]any
		if n > 0 {
			before, _ = output[n-1].(map[string]any)
		}
		checkText(at, item, before, len(output), report)
	}
}

// isCall tells calls from their results, which bear the same call_id.
func isCall(item map[string]any) bool {
	kind, _ := item["type"].(string)
	return strings.HasSuffix(kind, "_call")
}

// checkDone checks an item that is finished.
func checkDone(path string, item map[string]any, report grammar.Report) {
	kind, _ := item["type"].(string)
	if id, ok := item["id"].(string); ok && !strings.HasPrefix(id, idPrefix[kind]) {
		report.Note("%s.id is %q; the id of a %s begins with %q", path, id, kind, idPrefix[kind])
	}
	if s := item["status"]; s != nil && s != completed && s != incomplete {
		report.Note("%s.status is %s; must be %s when an item is done", path, grammar.Describe(s), grammar.Quoted(completed, incomplete))
	}
	if item["arguments"] == "" && item["status"] == completed {
		report.Note("%s%s", path, `.arguments is ""; must be "{}" for a call without arguments`)
	}
	if item["encrypted_content"] == "" {
		report.Note("%s%s", path, `.encrypted_content is ""; must be left out, or hold something`)
	}
	if _, ok := item["content"]; ok && kind == "reasoning" {
		content, _ := item["content"].([]any)
		summary, _ := item["summary"].([]any)
		if len(content) > 0 && len(summary) > 0 {
			report.Note("%s has content and summary; reasoning stands in one of them", path)
		}
	}
}

// checkText looks at the white space of a message. Models put line feeds between their
// thinking and what follows; they are no answer.
func checkText(path string, item, before map[string]any, items int, report grammar.Report) {
	if item["type"] != "message" {
		return
	}
	content, ok := item["content"].([]any)
	if !ok {
		return
	}
	var text strings.Builder
	for _, v := range content {
		part, _ := v.(map[string]any)
		for _, key := range []string{"text", "refusal"} {
			s, _ := part[key].(string)
			text.WriteString(s)
		}
	}
	if items > 1 && grammar.IsBlank(text.String()) {
		report.Note("%s is a message of white space only; it stands for nothing beside other items", path)
	} else if before["type"] == "reasoning" && slices.Contains([]string{"\n", "\r"}, text.String()[:min(1, text.Len())]) {
		report.Note("%s begins with a line feed; those between reasoning and text are no part of the text", path)
	}
}
