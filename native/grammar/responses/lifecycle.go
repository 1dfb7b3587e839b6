package responses

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/grammar"
)

func (c *Checker) takeLifecycle(kind string, event map[string]any) {
	response := c.takeResponse(kind, event)
	if output, _ := response["output"].([]any); len(output) > 0 {
		c.note("response.output has %d items; must be [] until the terminal event", len(output))
	}
	switch {
	case kind == "response.created" && c.phase == atStart:
		c.phase = afterCreated
	case kind == "response.queued" && c.phase == afterCreated:
		c.phase = afterQueued
	case kind == "response.in_progress" && c.phase < running:
		c.phase = running
	}
}

func (c *Checker) takeTerminal(kind string, event map[string]any) {
	response := c.takeResponse(kind, event)
	warmUp := c.phase == afterCreated
	c.phase, c.terminal = over, kind
	output, ok := response["output"].([]any)
	if !ok {
		return
	}
	if warmUp && kind == "response.completed" {
		usage, _ := response["usage"].(map[string]any)
		if total, ok := grammar.AsCount(usage["total_tokens"]); len(output) > 0 || !ok || total != 0 {
			c.fault("response.completed without response.in_progress; only a warm-up, with no output and a usage of zeros, ends so")
		}
		return
	}
	// Of a resumed stream only the items since its begin are known.
	from := c.firstIndex
	if from < 0 {
		return
	}
	for _, i := range c.items {
		if i.index < 0 { // it began before any place was known
			continue
		}
		at := fmt.Sprintf("response.output[%d]", i.index)
		if i.index >= int64(len(output)) {
			c.fault("%s is missing; output must hold each item of the stream, here %s", at, i.describe())
			continue
		}
		if got := output[i.index]; i.done != nil && !reflect.DeepEqual(got, any(i.done)) {
			c.reportf(sameEssence(got, i.done), "%s differs from item %d of the stream, %s: %s",
				at, i.index, i.describe(), grammar.Difference(at, got, any(i.done)))
		}
	}
	for _, i := range c.open { // response.failed within an item
		if i.index < 0 || i.index >= int64(len(output)) {
			continue
		}
		got := output[i.index]
		if object, _ := got.(map[string]any); object["id"] != i.id || object["type"] != i.kind {
			c.fault("response.output[%d] is %s; must be the item left open, %s", i.index, grammar.Describe(got), i.describe())
		}
	}
	if had := from + c.begun; int64(len(output)) > had {
		c.fault("response.output has %d items; the stream had %d", len(output), had)
	}
}

// takeResponse checks the response object that an event carries. The object is nil if
// the event has none.
func (c *Checker) takeResponse(kind string, event map[string]any) map[string]any {
	response, ok := event["response"].(map[string]any)
	if !ok {
		return nil
	}
	if want := statusOf(kind, response); response["status"] != want {
		runs := kind == "response.created" || kind == "response.queued" || kind == "response.in_progress"
		c.reportf(runs, "response.status is %s; must be %q in this event", grammar.Describe(response["status"]), want)
	}
	checkResponse("response", response, c.report)
	if c.response == nil {
		c.response = response
		return response
	}
	keys := map[string]bool{}
	for _, r := range []map[string]any{c.response, response} {
		for key := range r {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if changing[key] {
			continue
		}
		was, hadIt := c.response[key]
		v, hasIt := response[key]
		switch {
		case hadIt && !hasIt:
			if responseMayLack(key) { // else the shape has reported it
				c.note("response.%s is missing, but stood in the first event", key)
			}
		case hasIt && !hadIt:
			c.note("response.%s stands here, but was missing in the first event", key)
		case key == "service_tier" && was == "auto": // a server may say which tier it took,
		case key == "store" && was == true && v == false &&
			response["background"] != true && kind != "response.in_progress": // and in the end that it could not keep it
		case !reflect.DeepEqual(was, v):
			c.reportf(key != "id", "response.%s is %s; must stay as in the first event, %s", key, grammar.Describe(v), grammar.Describe(was))
		}
	}
	return response
}

// statusOf says which status the response has in an event.
func statusOf(kind string, response map[string]any) string {
	if kind == "response.created" {
		if response["background"] == true {
			return queued
		}
		return inProgress
	}
	return strings.TrimPrefix(kind, "response.")
}

func responseMayLack(key string) bool {
	missing := false
	responseShape("", map[string]any{}, func(_ bool, what string) {
		missing = missing || what == key+" is missing"
	})
	return !missing
}
