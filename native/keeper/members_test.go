package keeper

import "testing"

func TestMembersAreChanged(t *testing.T) {
	for _, tt := range [][2]string{
		{`{"a":1,"status":"x","b":{"status":2}}`, `{"error":null,"a":1,"status":"y","b":{"status":2}}`},
		{`{}`, `{"status":"y","error":null}`},
		{`{"error":{"a":[1]},"status":1}`, `{"error":null,"status":"y"}`},
	} {
		if got := string(Changed(nil, []byte(tt[0]), Change{"status", `"y"`}, Change{"error", "null"})); got != tt[1] {
			t.Errorf("%s: %s, want %s", tt[0], got, tt[1])
		}
	}
}
