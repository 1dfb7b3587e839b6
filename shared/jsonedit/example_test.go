package jsonedit_test

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// One walk checks the whole text and notes where things stand; the edits are then made with
// one copy. What no edit names keeps its bytes: the number's digits, the blanks.
func ExampleScanner() {
	src := []byte(`{"seed": 12345678901234567890, "mod\u0065l":"gpt-5", "user":{"id":7}, "stream":true}`)
	var s jsonedit.Scanner
	var e jsonedit.Edits
	var members jsonedit.Members
	s.Reset(src)
	members.Begin(s.BeginObject())
	for s.NextMember() {
		key, name := s.KeySpan(), string(s.Key()) // unescaped, so the model is found
		value := s.Value()
		number := members.Add(key, value)
		switch name {
		case "model":
			e.ReplaceString(value.Start, value.End, `"Qwen/Qwen3.5-397B-A17B-FP8"`)
		case "user":
			members.Drop(number)
		}
	}
	if err := s.Finish(); err != nil {
		fmt.Println(err)
		return
	}
	members.Commit(&e, []byte(`"top_k":20,`))
	fmt.Printf("%s\n", e.Apply(nil, src))
	// Output:
	// {"top_k":20,"seed": 12345678901234567890, "mod\u0065l":"Qwen/Qwen3.5-397B-A17B-FP8", "stream":true}
}

// After a fault every method returns a zero value, so that a walk is checked once, at its end.
func ExampleScanner_Finish() {
	var s jsonedit.Scanner
	s.Reset([]byte(`{"model":"gpt-5","messages":[{"role":user}]}`))
	for s.BeginObject(); s.NextMember(); {
		fmt.Printf("%s: %d\n", s.Key(), s.Value())
	}
	fmt.Println(s.Finish())
	// Output:
	// model: {9 16}
	// messages: {0 0}
	// a value was expected at byte 37
}
