package certificate

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate/authority"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

const year = 365 * 24 * time.Hour

// on puts texts into files, and names them.
func on(t *testing.T, cert, key, authorities []byte) *config.TLS {
	t.Helper()
	folder := t.TempDir()
	c := &config.TLS{Cert: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem")}
	authority.Write(t, c.Cert, cert)
	authority.Write(t, c.Key, key)
	if authorities != nil {
		c.ClientCA = filepath.Join(folder, "ca.pem")
		authority.Write(t, c.ClientCA, authorities)
	}
	return c
}

func once(t *testing.T) func() {
	waits := 0
	return func() {
		if waits++; waits > 1 {
			t.Fatal("files that nobody writes are looked at again and again")
		}
	}
}

// What is wrong with the files is said with its cure, and nothing of what stands in them.
func TestFaultsOfFiles(t *testing.T) {
	a := authority.New(t)
	cert, key := a.Issue(t, year)
	other, otherKey := a.Issue(t, year)
	encrypted := []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	old := []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")
	broken := []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	for name, tt := range map[string]struct {
		files *config.TLS
		want  string
	}{
		"a pair":                 {on(t, cert, key, nil), ""},
		"with authorities":       {on(t, cert, key, a.PEM), ""},
		"both in one file":       {on(t, append(cert[:len(cert):len(cert)], key...), append(key[:len(key):len(key)], cert...), nil), ""},
		"of two renewals":        {on(t, cert, otherKey, nil), "tls.key: the key is not that of the first certificate"},
		"the authority's first":  {on(t, append(a.PEM[:len(a.PEM):len(a.PEM)], cert...), key, nil), "tls.key: the key is not that of the first certificate"},
		"the wrong way round":    {on(t, key, cert, nil), "tls.cert: the file holds no certificate"},
		"two certificates":       {on(t, cert, other, nil), "tls.key: the file holds no key"},
		"an empty file":          {on(t, nil, key, nil), "tls.cert: the file holds no certificate"},
		"an encrypted key":       {on(t, cert, encrypted, nil), "tls.key: the key is encrypted"},
		"one of an older kind":   {on(t, cert, old, nil), "tls.key: the key is encrypted"},
		"a broken key":           {on(t, cert, broken, nil), "tls.key: certificate and key can't be read"},
		"no authority":           {on(t, cert, key, key), "tls.client_ca: the file holds no certificate"},
		"an empty authority":     {on(t, cert, key, []byte{}), "tls.client_ca: the file holds no certificate"},
		"no files":               {&config.TLS{Cert: "/nowhere/cert.pem", Key: "/nowhere/key.pem"}, "tls.cert: /nowhere/cert.pem can't be read: no such file or directory\ntls.key: "},
		"a folder":               {&config.TLS{Cert: t.TempDir(), Key: on(t, cert, key, nil).Key}, "tls.cert: "},
		"a file that is too big": {on(t, []byte(strings.Repeat("x", MaxFile+1)), key, nil), "it has more than 1048576 bytes"},
	} {
		_, err := read(tt.files, once(t))
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		case err != nil:
			var errs config.Errors
			if !errors.As(err, &errs) || strings.Contains(err.Error(), "AAAA") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A pair of which one file is new and the other still old is waited for.
func TestAPairThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	a := authority.New(t)
	cert, key := a.Issue(t, year, "old")
	newCert, newKey := a.Issue(t, year, "new")
	for _, certFirst := range []bool{true, false} {
		c := on(t, cert, key, nil)
		rest := func() { authority.Write(t, c.Key, newKey) }
		if authority.Write(t, c.Cert, newCert); !certFirst {
			c = on(t, cert, newKey, nil)
			rest = func() { authority.Write(t, c.Cert, newCert) }
		}
		s, err := read(c, func() { rest() })
		if err != nil || s.Names() != "localhost new 127.0.0.1" {
			t.Errorf("%v, %v", s, err)
		}
	}
	// One of them may even be gone for a moment.
	c := on(t, newCert, key, nil)
	if _, err := read(c, func() { _ = os.Remove(c.Key) }); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

func TestWhenACertificateIsWarnedOf(t *testing.T) {
	a := authority.New(t)
	for ends, want := range map[time.Duration]string{-time.Minute: "has expired", 13 * 24 * time.Hour: "expires soon", 15 * 24 * time.Hour: ""} {
		cert, key := a.Issue(t, ends)
		s, err := Read(on(t, cert, key, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Warning(time.Now()); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%v: %q, want %q", ends, got, want)
		}
		if got := s.Warning(time.Now().Add(-365 * 24 * time.Hour)); !strings.Contains(got, "not valid yet") {
			t.Errorf("%v: a year before: %q", ends, got)
		}
	}
}

// handshake has a client of a configuration connect to a server.
func handshake(t *testing.T, s *Server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		c, err := tls.NewListener(ln, s.Config()).Accept()
		if err != nil {
			served <- err
			return
		}
		defer c.Close()
		if err = c.(*tls.Conn).Handshake(); err == nil {
			_, err = c.Write([]byte("x"))
		}
		served <- err
	}()
	c, err := tls.Dial("tcp", ln.Addr().String(), client)
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 1)) // a server of TLS 1.3 refuses afterwards
	}
	if refused := <-served; err == nil {
		err = refused
	}
	if err != nil {
		if c != nil {
			_ = c.Close()
		}
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	return c.ConnectionState(), nil
}

func TestWhoIsServed(t *testing.T) {
	a, foreign := authority.New(t), authority.New(t)
	cert, key := a.Issue(t, year)
	open, err := Read(on(t, cert, key, nil))
	if err != nil {
		t.Fatal(err)
	}
	closed, err := Read(on(t, cert, key, a.PEM))
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(open)
	of := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{RootCAs: a.Pool(), ServerName: "localhost", NextProtos: []string{"h2", "http/1.1"}}
		change(c)
		return c
	}
	anybody := of(func(*tls.Config) {})
	if state, err := handshake(t, s, anybody); err != nil || state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
		t.Errorf("%v, %v", state.NegotiatedProtocol, err)
	}
	if state, err := handshake(t, s, of(func(c *tls.Config) { c.MaxVersion, c.NextProtos = tls.VersionTLS12, nil })); err != nil || state.NegotiatedProtocol != "" {
		t.Errorf("%v, %v", state.NegotiatedProtocol, err)
	}
	if _, err := handshake(t, s, of(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if s.Use(closed) {
		t.Error("other authorities are the same as none")
	}
	if _, err := handshake(t, s, anybody); err == nil {
		t.Error("a client without a certificate is served")
	}
	if _, err := handshake(t, s, of(func(c *tls.Config) { c.Certificates = []tls.Certificate{foreign.Client(t)} })); err == nil {
		t.Error("a client of another authority is served")
	}
	client := a.Client(t)
	if _, err := handshake(t, s, of(func(c *tls.Config) { c.Certificates = []tls.Certificate{client} })); err != nil {
		t.Error(err)
	}
	again, err := Read(on(t, cert, key, a.PEM))
	if err != nil || !s.Use(again) {
		t.Errorf("the same files are another set: %v", err)
	}
}
