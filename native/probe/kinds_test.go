package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

func of(found []Finding, check string) Finding {
	for _, f := range found {
		if f.Check == check {
			return f
		}
	}
	return Finding{}
}

// Servers of other kinds are known by their lists, and only those that can tell are asked for
// their parsers.
func TestOtherKindsOfServers(t *testing.T) {
	list := func(owner string) http.HandlerFunc {
		return says(200, `{"object":"list","data":[{"id":"`+simulator.DefaultModel+`","owned_by":"`+owner+`","max_model_len":65536}]}`)
	}
	gone := http.NotFound
	for _, tt := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		want    map[string]Finding
	}{
		{"SGLang", map[string]http.HandlerFunc{"/v1/models": list("sglang"), "/version": gone,
			"/server_info": says(200, `{"reasoning_parser":"qwen3","tool_call_parser":"qwen3_coder"}`)},
			map[string]Finding{version: {Status: Info, Found: "SGLang"}, reasoning: {Status: OK, Found: "qwen3"}, tools: {Status: OK, Found: "qwen3_coder"}}},
		{"SGLang without parsers", map[string]http.HandlerFunc{"/v1/models": list("sglang"), "/version": gone, "/server_info": gone, "/tokenize": gone,
			"/get_server_info":     says(200, `{"reasoning_parser":null,"tool_call_parser":null}`),
			"/v1/chat/completions": says(200, `{"choices":[{"message":{"content":"Okay, the"}}]}`)},
			map[string]Finding{reasoning: {Status: Warn, Fix: "start SGLang with --reasoning-parser qwen3"}, tools: {Status: Fail, Fix: "--tool-call-parser qwen3_coder"}}},
		{"SGLang that does not tell", map[string]http.HandlerFunc{"/v1/models": list("sglang"), "/server_info": gone, "/get_server_info": gone},
			map[string]Finding{reasoning: {Status: OK}, tools: {Status: Skip}}},
		{"llama.cpp", map[string]http.HandlerFunc{"/v1/models": list("llamacpp"), "/version": gone, "/v1/chat/completions": says(500, "asked")},
			map[string]Finding{version: {Status: Info, Found: "llama.cpp"}, reasoning: {Status: Skip}, tools: {Status: Skip}}},
		{"unknown", map[string]http.HandlerFunc{"/v1/models": list("me"), "/version": gone, "/v1/chat/completions": says(500, "asked")},
			map[string]Finding{version: {Status: Info, Found: "no vLLM (404 on /version)"}, tools: {Status: Skip}}},
		{"vLLM's front end in Rust", map[string]http.HandlerFunc{"/v1/models": list("vllm-frontend-rs"),
			"/version": says(200, `{"version":"0.33.0","rust_frontend_version":"0.33.0"}`)},
			map[string]Finding{version: {Status: OK, Found: "vLLM 0.33.0"}, reasoning: {Status: OK}, tools: {Status: OK}}},
		{"an old vLLM", map[string]http.HandlerFunc{"/version": says(200, `{"version":"0.11.2rc1"}`)},
			map[string]Finding{version: {Status: Info, Found: "vLLM 0.11.2rc1: before 0.17"}}},
		{"a model that never thinks", map[string]http.HandlerFunc{"/tokenize": says(200, `{"count":2,"tokens":[1,2]}`)},
			map[string]Finding{reasoning: {Status: Skip, Found: "no switch for thinking"}}},
		{"a question refused", map[string]http.HandlerFunc{"/v1/chat/completions": says(429, `{"error":{"message":"busy"}}`)},
			map[string]Finding{reasoning: {Status: Skip, Found: "(429): busy"}, tools: {Status: Skip, Found: "(429): busy"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := server(t, serve(t, like(simulator.Options{}, tt.answers)), nil).All(context.Background())
			for check, want := range tt.want {
				if f := of(found, check); f.Status != want.Status || !strings.Contains(f.Found, want.Found) || !strings.Contains(f.Fix, want.Fix) {
					t.Errorf("%s: %+v, want %+v", check, f, want)
				}
			}
		})
	}
}

// certified serves TLS with a certificate of its own for a name until an end, and has the Server trust it.
func certified(t *testing.T, name string, end time.Time) *Server {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewUnstartedServer(simulator.New(simulator.Options{}))
	up.Config.ErrorLog = discard
	up.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	up.StartTLS()
	t.Cleanup(up.Close)
	s := server(t, up.URL, nil)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	return s
}

func TestCertificates(t *testing.T) {
	long := time.Now().Add(100 * 24 * time.Hour)
	for _, tt := range []struct {
		name, of   string
		end        time.Time
		status     Status
		found, fix string
	}{
		{"good", "127.0.0.1", long, OK, "answers", ""},
		{"soon over", "127.0.0.1", time.Now().Add(5 * 24 * time.Hour), Warn, "ends on ", "renew"},
		{"over", "127.0.0.1", time.Now().Add(-24 * time.Hour), Fail, "has expired, or this machine's clock is wrong", "renew"},
		{"another's", "models.example.com", long, Fail, "is for another name", "use the name that the certificate bears"},
	} {
		f := certified(t, tt.of, tt.end).Reach(context.Background())
		if f.Status != tt.status || !strings.Contains(f.Found, tt.found) || !strings.Contains(f.Fix, tt.fix) {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}
