package redact

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Hidden stands where a secret was. [n] stands for n bytes that are not known to be harmless.
const Hidden = "[redacted]"

// parts are what a word in a secret's name holds; a name is read without regard to case,
// and its words end where something else than a letter or a digit stands.
var parts = [...]string{
	"token", "key", "secret", "auth", "pass", "pwd", "jwt", "sig", "cred", "sess", "ticket", "cert",
	"cookie", "bearer", "csrf", "xsrf", "hmac", "assertion", "mnemonic", "macaroon",
}

// whole are words that name secrets only when they hold nothing more.
var whole = [...]string{
	"otp", "totp", "hotp", "mfa", "pin", "pincode", "cvv", "cvc", "sid", "tgt", "psk", "nonce", "salt", "dsn", "connstr",
	"pw", "psw", "pswd", "pswrd", "psswd", "pem", "pfx", "p12", "saml", "samlresponse", "samlrequest", "netrc", "kubeconfig",
}

// phrases name secrets by several words, each of which may be anything's.
var phrases = [...]string{
	"seedphrase", "seedword", "recoveryphrase", "recoveryword", "backupphrase", "walletseed", "recoverycode", "backupcode",
	"verificationcode", "onetimecode", "accesscode", "securitycode", "codeverifier", "connectionstring", "connstr", "kubeconfig",
}

// lasts name secrets where a name ends in them; a private_repo is none.
var lasts = [...]string{"private", "priv"}

// persons are the names of what is no key, but leads to a person or to their machine.
var persons = [...]string{"userid", "turnmetadata", "clientmetadata", "installationid", "deviceid"}

// accidents are what holds one of the parts and has nothing to do with it. Each is taken
// out of a word before the parts are looked for, so that an "author_token" still has one.
var accidents = [...]string{
	"detokeniz", "tokeniz", "detokenis", "tokenis",
	"keyboard", "keyword", "keynote", "keyframe", "keystroke", "keypoint", "keypad", "keyhole",
	"monkey", "donkey", "turkey", "hockey", "jockey", "whiskey", "lackey", "mickey",
	"passage", "passed", "passing", "passive", "passenger", "passion", "passthrough", "compass", "bypass", "encompass", "surpass", "trespass",
	"signal", "signific", "sigma", "sigmoid", "design", "assign", "resign", "consign", "insight", "sight",
	"sacred", "incredib", "credib", "secretar", "assess", "possess", "obsess",
	"certain", "certified", "certify", "certification", "concert",
}

// authors begin with a part by accident; authorization, authorize and authorise do not.
var authors = [...]string{"authoring", "authored", "authoritative", "authorities", "authority", "authorship", "authors", "author"}

// Secret tells whether a name is that of a secret. Numbers may be shown all the same where
// it Counts.
func Secret(name string) bool {
	written := unescaped(name)
	name = lower(written)
	last := ""
	for from := 0; from < len(name); {
		for from < len(name) && !alnum(name[from]) {
			from++
		}
		to := from
		for to < len(name) && alnum(name[to]) {
			to++
		}
		if from == to {
			break
		}
		if secretWord(name[from:to]) {
			return true
		}
		for hump := from; hump < to; { // userPin is two words
			next := hump + 1
			for next < to && !(isUpper(written[next]) && !isUpper(written[next-1])) {
				next++
			}
			if last = name[hump:next]; isOneOf(whole[:], last) {
				return true
			}
			hump = next
		}
		from = to
	}
	return isOneOf(lasts[:], last) || secretPhrase(name) || leadsToPerson(name)
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isOneOf(words []string, w string) bool {
	for _, s := range words {
		if w == s {
			return true
		}
	}
	return false
}

// secretPhrase tells whether several words of a name, together, are a secret's.
func secretPhrase(name string) bool {
	name = folded(name)
	for _, p := range phrases {
		if strings.Contains(name, p) {
			return true
		}
	}
	return false
}

func secretWord(w string) bool {
	if isOneOf(whole[:], w) {
		return true
	}
	if !holdsPart(w) {
		return false
	}
	for _, a := range accidents {
		if strings.Contains(w, a) {
			w = strings.ReplaceAll(w, a, ".")
		}
	}
	for _, a := range authors {
		if i := strings.Index(w, a); i >= 0 && !strings.HasPrefix(w[i:], "authoriz") && !strings.HasPrefix(w[i:], "authoris") {
			w = strings.ReplaceAll(w, a, ".")
		}
	}
	return holdsPart(w)
}

func holdsPart(w string) bool {
	for _, p := range parts {
		if strings.Contains(w, p) {
			return true
		}
	}
	return false
}

func leadsToPerson(name string) bool {
	if len(name) > 64 || !strings.Contains(name, "id") && !strings.Contains(name, "meta") {
		return false
	}
	name = folded(name)
	for _, p := range persons {
		if strings.HasSuffix(name, p) {
			return true
		}
	}
	return false
}

// Counts tells whether a name is that of a number of tokens, or of numbers that stand for them.
func Counts(name string) bool {
	name = folded(lower(name))
	for _, p := range [...]string{"tokens", "tokenid", "tokencount", "tokenlimit", "tokenbudget", "tokenindex", "numtoken"} {
		if i := strings.Index(name, p); i >= 0 {
			rest := name[:i] + "." + name[i+len(p):]
			return !holdsPart(rest)
		}
	}
	return false
}

// Word is a word as a server or a client says it, such as a reason or a type, by its length
// only where it doesn't look like one.
func Word(s string) string {
	if s == "" || words(s) {
		return s
	}
	return size(len(s))
}

// plain tells whether a segment of a path, or a value, is made of words that name no secret.
func plain(s string) bool { return words(s) && !keyLike(s) && (!Secret(s) || routed(s)) }

// words tells whether s is made of lower-case letters with numbers between them, such as v1
// or web_search_preview_2025_03_11. A key is not: its letters and digits mix.
func words(s string) bool {
	letters, digits, first := 0, 0, true
	for i := 0; i <= len(s) && len(s) <= 64; i++ {
		switch {
		case i == len(s) || s[i] == '-' || s[i] == '_' || s[i] == '.':
			if letters > 24 || digits > 8 || digits > 1 && (letters > 0 || first) {
				return false
			}
			letters, digits, first = 0, 0, false
		case s[i] >= 'a' && s[i] <= 'z' && digits == 0:
			letters++
		case s[i] >= '0' && s[i] <= '9':
			digits++
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// routed tells the segments of paths that are no secrets, though they hold the name of one.
func routed(s string) bool {
	switch s {
	case "count_tokens", "input_tokens", "auth", "oauth", "token", "tokens", "key", "keys", "session", "sessions":
		return true
	}
	return false
}

// plainName tells whether the name of a parameter or a header field is made of words, in
// any case.
func plainName(s string) bool {
	if s == "" || len(s) > 64 || keyLike(s) {
		return false
	}
	digits, run := 0, 0
	for _, c := range []byte(s) {
		run++
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c == '_' || c == '.' || c == '[' || c == ']':
			run = 0
		default:
			return false
		}
		if run > 24 {
			return false
		}
	}
	return digits <= 2
}

// own tells whether s is an identifier that Qwenvoy makes: who reads the log looks for them.
func own(s string) bool {
	i := strings.IndexByte(s, '_')
	if i < 0 || len(s) > 80 {
		return false
	}
	switch s[:i] {
	case "resp", "conv", "msg", "fc", "rs":
	default:
		return false
	}
	for _, c := range []byte(s[i+1:]) {
		if c >= 0x80 || !alnum(c) {
			return false
		}
	}
	return len(s)-i > 20
}

func number(s string, digits int) bool {
	if s == "" || len(s) > digits {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// constant tells whether a value is one that every secret's name may have.
func constant(s string) bool {
	switch s {
	case "", "true", "false", "null", "True", "False", "None", Hidden:
		return true
	}
	return sized(s)
}

func sized(s string) bool {
	return len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' && number(s[1:len(s)-1], 12)
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// lower is s with ASCII's letters in lower case: no name of a field has others.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// folded is a name without what stands between its words.
func folded(name string) string {
	b := make([]byte, 0, len(name))
	for i := range len(name) {
		if alnum(name[i]) {
			b = append(b, name[i])
		}
	}
	return string(b)
}

// unescaped reads %XX; what is none stays.
func unescaped(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		for c == '%' && i+2 < len(s) && jsonedit.HexDigit(s[i+1]) >= 0 && jsonedit.HexDigit(s[i+2]) >= 0 {
			c = byte(jsonedit.HexDigit(s[i+1])<<4 | jsonedit.HexDigit(s[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}
