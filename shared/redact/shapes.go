package redact

import "strings"

// prefixes begin the keys of providers, and so does eyJ a JSON web token: base64 of `{"`.
var prefixes = [...]string{
	"sk-", "sk_", "pk-", "pk_", "rk_", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "xoxs-",
	"AKIA", "ASIA", "AIza", "hf_", "gsk_", "nvapi-", "ya29.", "whsec_", "eyJ",
}

// shape is how long the secret is that s begins with, known by its look; 0 for none.
func shape(s string) int {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			n := len(p)
			for n < len(s) && keyByte(s[n]) {
				n++
			}
			if n >= len(p)+8 {
				return n
			}
		}
	}
	return 0
}

// keyLike tells whether s begins as a provider's key does.
func keyLike(s string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// keyByte tells the bytes of which keys are made.
func keyByte(c byte) bool {
	return c < 0x80 && alnum(c) || c == '-' || c == '_' || c == '.' || c == '~' || c == '+' || c == '/' || c == '='
}

// scheme is where the credential begins and ends behind the name of a way to say who one is, in s; 0 for none.
func scheme(s string) (from, to int) {
	for _, name := range [...]string{"bearer", "basic", "digest", "negotiate", "ntlm", "apikey"} {
		if len(s) <= len(name) || !strings.EqualFold(s[:len(name)], name) {
			continue
		}
		from = skipBlank(s, len(name))
		if from == len(name) {
			if !strings.HasPrefix(s[from:], "%20") {
				return 0, 0
			}
			from += len("%20")
		}
		to = from
		if name == "digest" {
			return from, lineEnd(s, from)
		}
		for to < len(s) && (keyByte(s[to]) || s[to] == '%' || s[to] == ':' || s[to] >= 0x80) {
			to++
		}
		if to-from < 6 || prose(s[from:to], name == "bearer") {
			return 0, 0
		}
		return from, to
	}
	return 0, 0
}

// prose tells a word of a language from a credential, behind a scheme's name: "basic
// understanding", "Bearer authentication".
func prose(s string, bearer bool) bool {
	s = strings.TrimRight(s, ".:")
	for _, c := range []byte(s) {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return !bearer || strings.HasPrefix(s, "auth") || strings.HasPrefix(s, "token") || strings.HasPrefix(s, "scheme")
}

const pemBegin, pemEnd = "-----BEGIN ", "-----END "

// pem is where the key ends that s begins with in PEM's form; 0 where it begins with none.
func pem(s string) int {
	if !strings.HasPrefix(s, pemBegin) {
		return 0
	}
	first := s[len(pemBegin):min(len(s), 80)]
	if i := strings.Index(first, "-----"); i >= 0 && !strings.Contains(first[:i], "PRIVATE") {
		return 0
	}
	end := len(s)
	if i := strings.IndexAny(s, `"<`); i >= 0 {
		end = slashes(s, i)
	}
	if i := strings.Index(s[:end], pemEnd); i >= 0 {
		end = i
	}
	return end
}

func skipBlank(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// slashes is where the backslashes begin that end at i.
func slashes(s string, i int) int {
	for i > 0 && s[i-1] == '\\' {
		i--
	}
	return i
}

// lineEnd is where the line ends that i is in, or the string of JSON that the line is in.
func lineEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '\n', '\r', '"':
			return i
		case '\\':
			next := i
			for next < len(s) && s[next] == '\\' {
				next++
			}
			if next == len(s) {
				return next
			}
			if s[next] == '"' || s[next] == 'n' || s[next] == 'r' {
				return i
			}
			i = next
		}
	}
	return i
}
