package hub

import (
	"strconv"
	"strings"
	"testing"
)

// What a client sends decides neither the length nor the characters of a reply's head.
func TestNamesInAReplyHaveBounds(t *testing.T) {
	var r RequestFacts
	for i := range 20_000 {
		r.DroppedTools.Add([]byte(strings.Repeat("\r\n,é\x00\xff", 50) + strconv.Itoa(i)))
		r.DroppedTools.Add([]byte(strconv.Itoa(i)))
		r.DroppedTools.Add([]byte("0")) // named already
	}
	r.ListInReply(DroppedToolsHeader, &r.DroppedTools)
	r.ListInReply(DroppedToolsHeader, &r.DroppedTools)
	r.ListInReply(DroppedItemsHeader, &r.DroppedItems)
	if len(r.ReplyHeader) != 1 || r.ReplyHeader[0][0] != DroppedToolsHeader {
		t.Fatalf("%q", r.ReplyHeader)
	}
	value := r.ReplyHeader[0][1]
	want := "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19981 more"
	first, rest, _ := strings.Cut(value, ", ")
	if rest != want || strings.Trim(first, "_") != "" || len(first) > 64 {
		t.Errorf("%q, want %q", value, want)
	}
}
