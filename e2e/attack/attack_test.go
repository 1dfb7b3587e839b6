package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func sample() *place {
	return &place{name: "sample", body: `{"model":"` + virtual + `","messages":` + chatTurns + `,"tools":` + chatTools + `,"n":1}`}
}

// What counts as bad is that nobody may serve it, so none of it may be good by chance.
func TestMalformedBodiesAreNoJSONInUTF8(t *testing.T) {
	for _, m := range malformed(rand.New(rand.NewPCG(1, 2)), sample().body, 500) {
		if json.Valid([]byte(m.body)) && utf8.ValidString(m.body) {
			t.Errorf("%s: %s", m.how, m.body)
		}
	}
}

func TestMistypedBodiesAreJSONThatDiffers(t *testing.T) {
	p := sample()
	all := mistyped(p)
	if len(all) < 40 {
		t.Errorf("%d bodies", len(all))
	}
	for _, m := range all {
		if !json.Valid([]byte(m.body)) && !strings.Contains(m.how, "1e999") || m.body == p.body {
			t.Errorf("%s: %s", m.how, m.body)
		}
	}
}

func TestTheSameSeedMakesTheSameInputs(t *testing.T) {
	made := func(seed uint64) []string {
		r := (&stage{options: &options{seed: seed}}).round(&families[0], onBinary)
		var all []string
		for _, m := range malformed(r.random, sample().body, 50) {
			all = append(all, m.how)
		}
		return all
	}
	if !slices.Equal(made(1), made(1)) || slices.Equal(made(1), made(2)) {
		t.Error("the inputs do not follow from the seed")
	}
}

func TestProbesAreFilledIn(t *testing.T) {
	all := probes()
	if len(all) < 300 {
		t.Errorf("%d probes", len(all))
	}
	for _, p := range all {
		for _, left := range []string{"%PATH%", "%BODY%", "%LEN%", "%HEX%", "%ID%"} {
			if strings.Contains(p.text, left) {
				t.Errorf("%s holds %s", p.name, left)
			}
		}
	}
}

func TestGoroutinesOfADumpAreCounted(t *testing.T) {
	const dump = "goroutine 1 [select]:\nmain.main()\n\ngoroutine 2 [sleep]:\nruntime.gopark()\ncreated by runtime.init.5 in goroutine 1\n\n" +
		"goroutine 7 [IO wait]:\ninternal/poll()\ncreated by net/http.(*Server).Serve in goroutine 1\n"
	if n, _ := makers(dump); n != 2 {
		t.Errorf("%d goroutines", n)
	}
	if more := moreOf(dump, ""); more != "net/http.(*Server).Serve (1)" {
		t.Errorf("more of %q", more)
	}
}

func TestTheTableTellsProblems(t *testing.T) {
	r := (&stage{options: &options{seed: 3}}).round(&families[0], onBinary)
	r.tried.Store(5)
	r.used = usage{peakMiB: 30, filesBefore: 9, filesAfter: 10, goroutinesBefore: 8, goroutines: 8}
	for range maxProblems + 1 {
		r.problem("it is wrong")
	}
	text := table(&options{seed: 3}, []*round{r})
	for _, want := range []string{"Seed 3", "| bad bodies | binary | 5 | 21 | 30 | 8 (8) | 10 (9) |", "it is wrong", "and 1 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
