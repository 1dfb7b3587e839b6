//go:build !wasip1

package access

import "testing"

// What is stored belongs to a tenant for as long as it is kept: the hash can't change.
func TestTenant(t *testing.T) {
	const a = "306cff0fe800e7db7e19784cd3a1523594289bce5ec68b4b570ac62c7f53a474"
	for _, tt := range []struct {
		c    Credential
		want string
	}{
		{Credential{}, ""},
		{Credential{Authorization: "Bearer a"}, a},
		{Credential{APIKey: "a"}, a},
		{Credential{Authorization: "Bearer a", APIKey: "b"}, a},
	} {
		if got := tt.c.Tenant(); got != tt.want {
			t.Errorf("%+v is of tenant %q, want %q", tt.c, got, tt.want)
		}
	}
}
