package parts_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/parts"
)

func words(stops []string) (list [][]byte) {
	for _, stop := range stops {
		list = append(list, []byte(stop))
	}
	return list
}

// However a text is cut into chunks, it ends at the same place, in a stream and in one piece.
func TestStopsMeanTheSameForAnyChunks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "b", "c", `\n`, `\"`, "é"}
	plain := strings.NewReplacer(`\n`, "\n", `\"`, `"`)
	for range 3000 {
		var said []string
		for range random.IntN(12) + 1 {
			said = append(said, letters[random.IntN(len(letters))])
		}
		var stops []string
		for range random.IntN(3) + 1 {
			stop := ""
			for range random.IntN(3) + 1 {
				stop += plain.Replace(letters[random.IntN(len(letters))])
			}
			stops = append(stops, stop)
		}
		all := "x" + plain.Replace(strings.Join(said, "")) // white space at the front is another matter
		want, finish := all, "length"
		for end := 1; end <= len(all) && finish != "stop"; end++ {
			for _, stop := range stops {
				if strings.HasSuffix(all[:end], stop) && end-len(stop) < len(want) {
					want, finish = all[:end-len(stop)], "stop"
				}
			}
		}
		script := []string{}
		piece := "x"
		for _, s := range said {
			if random.IntN(2) == 0 {
				script = append(script, text(piece))
				piece = ""
			}
			piece += s
		}
		script = append(script, text(piece), "finish:length", done)
		turn := newTurn()
		turn.Request.Stops = words(stops)
		streamed := stream(turn, &recorder{}, parts.Options{}, script...)

		turn = newTurn()
		turn.Request.Stops = words(stops)
		w := &recorder{turn: turn}
		whole, p := parts.Whole(nil, []byte(reply(`{"content":"x`+strings.Join(said, "")+`"}`, "length")), turn, w, parts.Options{})
		if p != nil {
			t.Fatal(p)
		}
		for _, out := range []string{streamed, string(whole)} {
			got := ""
			for _, line := range strings.Split(out, "\n") {
				if rest, ok := strings.CutPrefix(line, "+"); ok {
					got += plain.Replace(rest)
				}
			}
			if got != want || !strings.HasSuffix(out, "finish "+finish+"\n") {
				t.Fatalf("%q at %q: got %q, want %q %s: %s", all, stops, got, want, finish, out)
			}
		}
	}
}

func TestStopsTakeTheTokensOfWhatTheyCutOff(t *testing.T) {
	token := func(s string) string { return fmt.Sprintf(`{"token":"%s"}`, s) }
	piece := func(s string) string {
		return chunk(`"delta":{"content":"` + s + `"},"logprobs":{"content":[` + token(s) + `]},"finish_reason":null`)
	}
	turn := newTurn()
	turn.Request.Stops = words([]string{"STOP"})
	got := stream(turn, &recorder{}, parts.Options{}, piece("a"), piece(" S"), piece("x"), piece("ST"), piece("OPb"), done)
	want := lines("begin", "open text", "+a  ["+token("a")+"]", "+   ["+token(" S")+"]", "+Sx  ["+token("x")+"]", "close last", "finish stop")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
