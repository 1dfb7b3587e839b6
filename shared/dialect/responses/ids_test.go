package responses

import (
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

func TestAnItemsIDNamesItsResponse(t *testing.T) {
	n := uint64(1)
	turn := &hub.Turn{Edge: hub.EdgeFacts{Random: func() uint64 { n = n*6364136223846793005 + 1442695040888963407; return n }}}
	id := responseID(turn)
	if len(id) != len("resp_")+24 {
		t.Fatalf("%s", id)
	}
	seen := map[string]bool{}
	for n := range 5000 {
		item := string(appendItemID(nil, "msg_", id, n))
		if seen[item] || len(item) != len("msg_")+24 || item[4:] == string(id[5:]) {
			t.Fatalf("item %d: %s", n, item)
		}
		seen[item] = true
		if got := ResponseOf(item); got != string(id) {
			t.Fatalf("%s is of %s, want %s", item, got, id)
		}
	}
	for _, other := range []string{"", "msg", "msg_1", "rs_" + string(id)} {
		if got := ResponseOf(other); got != "" {
			t.Errorf("%q is of %s", other, got)
		}
	}
}
