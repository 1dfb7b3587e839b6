// Package access reads whose request it is: the two fields that a client's key comes in,
// what of them goes upstream, the tenant that they name, what agents say of the session and
// the task that it belongs to (Hints), and the fields that never go up.
//
// A request is read once, where it comes in, and what was read is handed on. The package
// imports jsonedit.
package access

import "strings"

// A Credential is what a request says of who sends it.
type Credential struct {
	// Authorization and APIKey are the fields authorization and x-api-key, "" when absent.
	Authorization, APIKey string
}

// Read reads a request's header. header returns the first value of a field, its name given
// in lower case, "" when it is absent.
func Read(header func(name string) string) Credential {
	return Credential{Authorization: header("authorization"), APIKey: header("x-api-key")}
}

// Upstream is the Authorization that the request goes upstream with, "" for none: the
// upstream's own key wins; without one the client's Authorization goes up, else its
// x-api-key as a bearer token, which is all that vLLM reads. replaced tells that it is not
// the client's own field, and that x-api-key stays behind.
func (c Credential) Upstream(own string) (authorization string, replaced bool) {
	switch {
	case own != "":
		return "Bearer " + own, true
	case c.Authorization == "" && c.APIKey != "":
		return "Bearer " + c.APIKey, true
	}
	return c.Authorization, false
}

// Key is the client's key, "" when it sends none.
func (c Credential) Key() string {
	key := c.Authorization
	if kind, token, ok := strings.Cut(key, " "); ok && strings.EqualFold(kind, "Bearer") {
		key = strings.TrimSpace(token)
	}
	if key == "" {
		key = c.APIKey
	}
	return key
}

// ClientFields and those that begin with ClientPrefixes are what SDKs and agents tell their
// vendors, and browsers the sites, of themselves. No Chat Completions server reads them, and
// some hold paths of the user's machine.
var (
	ClientFields   = []string{"origin", "referer"}
	ClientPrefixes = []string{"openai-", "x-openai-", "x-oai-", "chatgpt-", "anthropic-", "x-stainless-", "x-claude-", "x-codex-",
		"x-kilocode-", "x-opencode-", "sec-"}
)

// AgentFields are such ones whose names say nothing of a vendor: what speaks an agents' API is
// an agent.
var AgentFields = []string{"x-app", "originator"}

// KeyFields are where clients' keys stand besides authorization.
var KeyFields = []string{"x-api-key", "api-key", "x-goog-api-key"}

// ServerFields, and those that begin with ServerPrefixes, are what a model server, or what stands
// in front of it, says of itself to its own clients. Ours are not: a cookie of one server would be
// all clients', an organisation is the operator's, and Claude Code makes notices of a subscription
// out of limits that are not its user's.
var (
	ServerFields = []string{"set-cookie", "server", "x-powered-by", "via", "cf-ray", "request-id",
		"anthropic-organization-id", "openai-organization", "openai-project"}
	ServerPrefixes = []string{"anthropic-ratelimit-"}
)
