//go:build !wasip1

package access

import (
	"crypto/sha256"
	"encoding/hex"
)

// Tenant is a hash of the client's key; all who send none are one tenant, "". The wasm
// module keeps nothing for anyone, so it does not carry the hash.
func (c Credential) Tenant() string {
	key := c.Key()
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("qwenvoy tenant\x00" + key))
	return hex.EncodeToString(sum[:])
}
