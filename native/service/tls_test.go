package service

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate/authority"
	"github.com/qwenvoy/qwenvoy/native/settings"
)

const year = 365 * 24 * time.Hour

// secured is a gateway that speaks TLS, and its files.
type secured struct {
	*running
	cert, key, config, text string
}

// runSecured starts a gateway by the certificate; more is added to its configuration.
func runSecured(t *testing.T, target string, cert, key []byte, more string) *secured {
	t.Helper()
	folder := t.TempDir()
	s := &secured{cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	authority.Write(t, s.cert, cert)
	authority.Write(t, s.key, key)
	s.text = fmt.Sprintf("upstreams: [{url: %s, model: Served}]\ntls: {cert: %s, key: %s%s}\n", target, s.cert, s.key, more)
	s.config = write(t, s.text)
	s.running = run(t, settings.Flags{Config: &s.config})
	s.url = strings.Replace(s.url, "http://", "https://", 1)
	return s
}

// client trusts the authority; its connections serve one request each.
func client(a *authority.Authority, certificates ...tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: a.Pool(), Certificates: certificates}, ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}}
}

// shown is the name that the gateway's certificate bears beside its usual ones.
func (s *secured) shown(t *testing.T, c *http.Client) string {
	t.Helper()
	resp, err := c.Get(s.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return strings.Join(resp.TLS.PeerCertificates[0].DNSNames[1:], " ")
}

func TestTLS(t *testing.T) {
	a := authority.New(t)
	cert, key := a.Issue(t, year, "first")
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	close(finish)
	s := runSecured(t, slow(t, begun, finish), cert, key, "")
	for _, version := range []string{"HTTP/2.0", "HTTP/1.1"} {
		c := client(a)
		c.Transport.(*http.Transport).ForceAttemptHTTP2 = version == "HTTP/2.0"
		resp, err := c.Post(s.url+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"qwen3.5-thinking-coding","stream":true,"messages":[{"role":"user","content":"`+strings.Repeat("x", 1<<20)+`"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.Proto != version || strings.Count(string(text), "word") != 2 || !strings.HasSuffix(string(text), "data: [DONE]\n\n") {
			t.Errorf("%s instead of %s, %v: %s", resp.Proto, version, err, text)
		}
	}
	resp, err := http.Get(strings.Replace(s.url, "https", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 400 || !strings.Contains(string(text), "HTTPS server") {
		t.Errorf("HTTP without TLS: %d %s", resp.StatusCode, text)
	}
	if strings.Contains(s.log.String(), "handshake") || strings.Contains(s.log.String(), "expire") {
		t.Errorf("the log is %s", s.log)
	}
	s.signals <- syscall.SIGTERM
	s.stopped(t)
}

// A pair that was renewed is shown to the clients that come, a broken one never.
func TestACertificateIsRenewed(t *testing.T) {
	a := authority.New(t)
	cert, key := a.Issue(t, year, "first")
	s := runSecured(t, plain(t), cert, key, "")
	c := client(a)
	if got := s.shown(t, c); got != "first" {
		t.Fatalf("it shows %q", got)
	}

	cert, key = a.Issue(t, year, "second")
	authority.Write(t, s.cert, cert)
	s.logged(t, "tls.key: the key is not that of the first certificate in tls.cert")
	if !strings.Contains(s.log.String(), `"level":"ERROR","msg":"configuration not reloaded, the old one stays in force"`) {
		t.Errorf("the log is %s", s.log)
	}
	if got := s.shown(t, c); got != "first" {
		t.Errorf("half of a pair: it shows %q", got)
	}
	authority.Write(t, s.key, key)
	eventually(t, "the second is shown", func() bool { return s.shown(t, c) == "second" })
	s.logged(t, `"msg":"certificate taken over","names":"localhost second 127.0.0.1"`)

	// A broken configuration does not hold it up, and one that expires soon is said.
	authority.Write(t, s.config, []byte(s.text+"prot: 1\n"))
	s.logged(t, "prot: unknown key")
	cert, key = a.Issue(t, time.Hour, "third")
	authority.Write(t, s.cert, cert)
	authority.Write(t, s.key, key)
	eventually(t, "the third is shown", func() bool { return s.shown(t, c) == "third" })
	s.logged(t, `"level":"WARN","msg":"the certificate expires soon, renew it","file":"`+s.cert+`"`)

	// Another pair may be named, and is followed from then on.
	folder := t.TempDir()
	cert, key = a.Issue(t, year, "fourth")
	authority.Write(t, filepath.Join(folder, "cert.pem"), cert)
	authority.Write(t, filepath.Join(folder, "key.pem"), key)
	authority.Write(t, s.config, []byte(strings.ReplaceAll(s.text, filepath.Dir(s.cert), folder)))
	eventually(t, "the fourth is shown", func() bool { return s.shown(t, c) == "fourth" })
	cert, key = a.Issue(t, year, "fifth")
	authority.Write(t, filepath.Join(folder, "key.pem"), key)
	authority.Write(t, filepath.Join(folder, "cert.pem"), cert)
	eventually(t, "the fifth is shown", func() bool { return s.shown(t, c) == "fifth" })

	authority.Write(t, s.config, []byte(strings.Split(s.text, "tls:")[0]))
	s.logged(t, `"msg":"this change needs a restart","setting":"tls.cert","in_force":"one","configured":"none"`)
	if got := s.shown(t, c); got != "fifth" {
		t.Errorf("it shows %q", got)
	}
}

// Where authorities are named, a client without one of their certificates gets no further than
// the handshake, and fills no log.
func TestClientsNeedACertificate(t *testing.T) {
	a := authority.New(t)
	cert, key := a.Issue(t, -time.Hour)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	authority.Write(t, ca, a.PEM)
	s := runSecured(t, plain(t), cert, key, ", client_ca: "+ca)
	s.logged(t, `"level":"WARN","msg":"the certificate has expired, clients refuse it until it is renewed"`)
	with, without := client(a, a.Client(t)), client(a)
	for _, c := range []*http.Client{with, without} { // of the year in which it was valid
		c.Transport.(*http.Transport).TLSClientConfig.Time = func() time.Time { return time.Now().Add(-90 * time.Minute) }
	}
	if got := s.shown(t, with); got != "" {
		t.Errorf("it shows %q", got)
	}
	for range 20 {
		if resp, err := without.Get(s.url + "/health"); err == nil {
			t.Errorf("a client without a certificate got %d", resp.StatusCode)
		}
	}
	if strings.Contains(s.log.String(), "handshake") {
		t.Errorf("the log is %s", s.log)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.url, "https://")); err != nil {
		t.Error(err)
	}
}
