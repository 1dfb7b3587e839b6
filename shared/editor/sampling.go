package editor

import (
	"math"
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// setSampling sets the sampling values of the model's profile that the client left out, or
// all of them where the configuration says so.
func setSampling(r *request) {
	t := r.turn
	values := &t.Request.Model.Off
	if t.Request.Thinking {
		values = &t.Request.Model.On
	}
	for i, v := range values {
		f := r.fields[keySampling+i]
		switch {
		case v == "":
		case f.value.Absent():
			r.add(`"`, catalog.SamplingKeys[i], `":`, v, ",")
			r.changed(hub.ChangedSampling)
		case t.Request.Model.Enforce || f.kind(r.src) == jsonedit.Null:
			r.replace(f.value, v)
			r.changed(hub.ChangedSampling)
		}
	}
}

// limitKeys are the token limits. Of both, vLLM takes max_completion_tokens.
var limitKeys = [...]int{keyMaxTokens, keyMaxCompletionTokens}

// limitOf is a token limit that can be clamped, if the request names one.
func limitOf(r *request, key int) (limit int, ok bool) {
	if r.kind(key) != jsonedit.Number {
		return 0, false
	}
	return integer(r.literal(key))
}

// limited tells whether the request names a token limit that can be clamped.
func limited(r *request) bool {
	for _, key := range limitKeys {
		if _, ok := limitOf(r, key); ok {
			return true
		}
	}
	return false
}

// clampLimits clamps token limits to the window: vLLM answers 400 to more.
func clampLimits(r *request) {
	t := r.turn
	for _, key := range limitKeys {
		limit, ok := limitOf(r, key)
		if !ok {
			continue
		}
		if window, _ := t.Window(); window > 0 && limit > window {
			limit = window
			r.replace(r.fields[key].value, strconv.Itoa(window))
			r.changed(hub.LimitClamped)
		}
		t.Request.Limit = limit
	}
}

// integer reads a JSON number without fraction; one too large to hold is the largest int.
func integer(raw []byte) (int, bool) {
	if len(raw) == 0 {
		return 0, false
	}
	if n, err := strconv.Atoi(string(raw)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(f, 0) || f != math.Trunc(f) {
		return 0, false
	}
	if f >= math.MaxInt { // which as a float64 is one more than an int can hold
		return math.MaxInt, true
	}
	return int(f), f > 0
}
