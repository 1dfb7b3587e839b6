package access

import "testing"

func TestCredential(t *testing.T) {
	const own = "own"
	for _, tt := range []struct {
		name                  string
		authorization, apiKey string
		key                   string
		upstream              string // without a key of the upstream's own
		replaced              bool
	}{
		{"none", "", "", "", "", false},
		{"bearer", "Bearer a", "", "a", "Bearer a", false},
		{"bearer in another case", "bEARER  a ", "", "a", "bEARER  a ", false},
		{"another scheme", "Basic YTpi", "", "Basic YTpi", "Basic YTpi", false},
		{"no scheme", "a", "", "a", "a", false},
		{"bearer alone", "Bearer", "", "Bearer", "Bearer", false},
		{"x-api-key", "", "b", "b", "Bearer b", true},
		{"both", "Bearer a", "b", "a", "Bearer a", false},
		{"bearer of nothing", "Bearer ", "b", "b", "Bearer ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Read(func(name string) string {
				return map[string]string{"authorization": tt.authorization, "x-api-key": tt.apiKey}[name]
			})
			if got := c.Key(); got != tt.key {
				t.Errorf("the key is %q, want %q", got, tt.key)
			}
			if got, replaced := c.Upstream(""); got != tt.upstream || replaced != tt.replaced {
				t.Errorf("upstream goes %q, replaced: %t", got, replaced)
			}
			if got, replaced := c.Upstream(own); got != "Bearer own" || !replaced {
				t.Errorf("with a key of its own, the upstream gets %q, replaced: %t", got, replaced)
			}
		})
	}
}
