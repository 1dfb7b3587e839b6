package redact

import (
	"strings"
	"testing"
)

func TestNamesOfSecrets(t *testing.T) {
	for _, name := range []string{
		"api_key", "api-key", "apikey", "apiKey", "API_KEY", "X-Api-Key", "x_api_key", "key", "KEY", "k%65y", "openai_api_key", "ApiKeyAuth",
		"subscription-key", "Ocp-Apim-Subscription-Key", "x-functions-key", "private_key", "ssh-key", "keys", "AccountKey", "aws_access_key_id",
		"token", "access_token", "accessToken", "ACCESS-TOKEN", "refresh_token", "id_token", "x-auth-token", "X-Amz-Security-Token",
		"x-gitlab-token", "bot_token", "csrf_token", "tokens", "token_secret", "hf_token", "author_token", "tokenizer_key",
		"secret", "client_secret", "clientSecret", "x-secret", "webhook-secret", "secrets",
		"auth", "authorization", "Authorization", "Proxy-Authorization", "oauth", "x-auth", "authenticate", "WWW-Authenticate", "authCode", "authorisation",
		"pass", "password", "passwd", "passphrase", "user_pass", "db-password", "pwd", "pass_word",
		"jwt", "x-jwt-assertion", "id_jwt", "sig", "signature", "x-signature", "X-Amz-Signature", "X-Hub-Signature-256", "hmac",
		"cred", "credential", "credentials", "X-Amz-Credential", "google_creds",
		"session", "session_id", "sessionid", "X-Claude-Code-Session-Id", "PHPSESSIONID", "sid",
		"cookie", "Set-Cookie", "bearer", "otp", "pin", "nonce", "user[password]", "headers.Authorization", "client_assertion", "xsrf",
		"metadata.user_id", "user_id", "x-codex-turn-metadata", "client_metadata",
		"PHPSESSID", "phpsessid", "sess", "sess_id", "ASPSESSIONIDABC", "laravel_session", "userSess",
		"ticket", "cas_ticket", "loginTicket", "TICKET", "service-ticket", "tgt",
		"cert", "client_cert", "clientCert", "X-Client-Cert", "ssl.cert", "certificate", "x-forwarded-client-cert", "tls_certs",
		"seed_phrase", "seedPhrase", "SEED-PHRASE", "seed_words", "recovery_phrase", "recoveryPhrase", "wallet_seed", "mnemonic", "mnemonicWords", "backup_codes", "recoveryCode",
		"connection_string", "connectionString", "ConnectionStrings.Default", "AZURE_STORAGE_CONNECTION_STRING", "conn_str", "connstr", "sentry_dsn", "sentryDsn", "DSN",
		"psw", "user_psw", "pswd", "userPsw", "pswrd", "psswd", "passcode", "pincode", "pin_code", "userPin", "card-pin", "smsOtp", "otp_code", "totp", "hotp",
		"verification_code", "verificationCode", "one_time_code", "access_code", "security_code", "cvv", "cvc", "mfa_code", "mfaCode", "code_verifier",
		"private", "rsa_private", "ssh-private", "sshPrivate", "priv", "private_pem", "clientPem", "pfx", "p12", "SAMLResponse", "saml_assertion", "kubeconfig", "KUBE_CONFIG",
		"cache_salt", "password_salt", "salt", "macaroon", "credentials_json", "netrc", "dbPw", "connect.sid", "accountSid",
	} {
		if !Secret(name) {
			t.Errorf("%s is shown", name)
		}
		if got, want := Text(`{"`+name+`":"canary in a cage"}`, 200), `{"`+name+`":"[redacted]"}`; got != want {
			t.Errorf("%s", got)
		}
		if got := Text(name+"=canary&x=y", 200); strings.Contains(got, "canary") {
			t.Errorf("%s", got)
		}
	}
}

func TestNamesThatAreNoSecrets(t *testing.T) {
	for _, name := range []string{
		"model", "stream", "top_k", "top_p", "temperature", "seed", "messages", "tools", "role", "content", "finish_reason", "usage",
		"tokenize", "detokenize", "tokenizer", "tokenizer_name", "tokenization", "monkey", "monkeys", "donkey", "turkey", "hockey", "keyboard", "keyword", "keywords",
		"author", "authors", "co-author", "authority", ":authority", "authored_by",
		"passage", "passages", "passed", "passenger_count", "compass", "bypass", "passive", "passthrough",
		"signal", "signals", "sigmoid", "sigma", "design", "designer", "assigned_to", "assignment", "insight", "significance",
		"sacred", "credible", "secretary", "possession", "obsession",
		"request_id", "x-request-id", "route", "error_type", "upstream", "code", "client", "uri", "opinion", "spinner", "side", "response",
		"certain", "certainty", "uncertain", "ascertained", "certification_level", "certified", "concert", "concerts", "assess", "assessment", "possess", "possessive",
		"process", "processes", "messages_count", "progress", "success", "guess", "lesson", "essay",
		"private_repo", "privately", "privacy", "deprived", "seeds", "seed_value", "random_seed", "phrase", "keyword_phrase", "connection", "connections", "string", "connected",
		"upswing", "capsule", "pinned", "pinpoint", "spin", "pins", "shopping", "laptop", "adopt", "hotpot", "optional", "robotpath", "salty", "basalt", "salts_list", "stick", "sticker",
		"error_code", "status_code", "code_block", "codec", "country_code", "access", "accessible", "verification", "recovery", "backup", "security_level",
		"sample", "samples", "samlet_x", "config", "max_logprobs", "pwm", "inside", "outside", "insider", "residual", "emphasis", "upfx",
	} {
		if Secret(name) {
			t.Errorf("%s is hidden", name)
		}
	}
}

// Names of counts are those of secrets, but their numbers show.
func TestCounts(t *testing.T) {
	for _, name := range []string{
		"max_tokens", "maxTokens", "max-tokens", "prompt_tokens", "input_tokens", "output_tokens", "completion_tokens", "total_tokens", "cached_tokens",
		"reasoning_tokens", "max_completion_tokens", "max_output_tokens", "tokens", "token_ids", "prompt_token_ids", "stop_token_ids", "eos_token_id",
		"token_count", "tokenCount", "num_tokens", "thinking_token_budget", "cache_read_input_tokens", "input_tokens_details", "token_limit",
	} {
		if !Counts(name) {
			t.Errorf("%s is no count", name)
		}
		if got, want := Text(`{"`+name+`":4096}`, 100), `{"`+name+`":4096}`; got != want {
			t.Errorf("%s", got)
		}
		if got, want := Text(`{"`+name+`":"canary"}`, 100), `{"`+name+`":"[redacted]"}`; got != want {
			t.Errorf("%s", got)
		}
	}
	for _, name := range []string{"token", "api_key", "access_token", "secret_tokens", "auth_token_id", "pin"} {
		if Counts(name) {
			t.Errorf("%s is a count", name)
		}
	}
}

func TestWord(t *testing.T) {
	for _, s := range []string{"", "stop", "tool_calls", "content_filter", "web_search_preview_2025_03_11", "repetition", "v1", "count_tokens"} {
		if got := Word(s); got != s {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, s := range []string{"CANARY", "sk-canary1234", "c4n4ry", "two words", "x\ny", strings.Repeat("a", 30), strings.Repeat("a-", 40), "0123456789abcdef", "ü"} {
		if got := Word(s); got == s {
			t.Errorf("%s is shown", s)
		}
	}
}
