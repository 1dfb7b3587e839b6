package sse_test

import (
	"fmt"

	"github.com/qwenvoy/qwenvoy/shared/sse"
)

// A stream comes in chunks that end anywhere: inside a line, between CR and LF, or with no
// blank line behind the last event.
func ExampleFramer() {
	chunks := []string{": wait\r", "\n\r\nevent: delta\ndata:{\"text\":", "\"Hi\"}\n\ndata: [DO", "NE]"}
	f := sse.Framer{Limit: 10 << 20}
	print := func() {
		for ev, ok := f.Next(); ok; ev, ok = f.Next() {
			fmt.Printf("name %q, data %q, other lines %q\n", ev.Name, ev.Data, ev.Other)
		}
	}
	for _, chunk := range chunks {
		f.Feed([]byte(chunk))
		print()
	}
	f.End()
	print()
	if err := f.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// name "", data "", other lines ": wait\n"
	// name "delta", data "{\"text\":\"Hi\"}", other lines ""
	// name "", data "[DONE]", other lines ""
}

// What a Framer has cut is written again, a "data: " before each line of the data.
func ExampleAppend() {
	fmt.Printf("%s", sse.Append(nil, []byte("id: 7\n"), "delta", []byte("{\n}")))
	// Output:
	// id: 7
	// event: delta
	// data: {
	// data: }
}
