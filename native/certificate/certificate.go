// Package certificate reads the files by which the gateway speaks TLS: its certificate with its
// key, and the authorities whose clients it takes. A pair that was read takes force for the
// connections that come, without a restart.
//
// It imports shared/config and nothing else of this module; certificate/authority makes
// certificates for tests.
package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// MaxFile is how long a file may be; all authorities of a system are a quarter of it.
const MaxFile = 1 << 20

// pause is between two looks at files that do not belong together: whoever renews them writes
// one after the other.
const pause = 250 * time.Millisecond

// A Set is what the files of a configuration hold.
type Set struct {
	// File is the certificate's.
	File        string
	certificate tls.Certificate
	authorities *x509.CertPool // whose clients are taken; nil for all clients
	texts       texts
}

// texts are the files' contents.
type texts struct{ cert, key, authorities []byte }

func (t *texts) equal(o *texts) bool {
	return bytes.Equal(t.cert, o.cert) && bytes.Equal(t.key, o.key) && bytes.Equal(t.authorities, o.authorities)
}

// Read reads the files that a configuration names. Where certificate and key don't belong
// together, and are being written, it waits for that to end. The error, config.Errors, has each
// fault and its cure.
func Read(c *config.TLS) (*Set, error) { return read(c, func() { time.Sleep(pause) }) }

func read(c *config.TLS, wait func()) (*Set, error) {
	before, errs := readTexts(c)
	for errs == nil {
		s, err := before.parse()
		if err == nil {
			s.File = c.Cert
			return s, nil
		}
		wait()
		var now *texts
		if now, errs = readTexts(c); errs == nil && now.equal(before) {
			return nil, err
		}
		before = now
	}
	return nil, errs
}

func readTexts(c *config.TLS) (*texts, error) {
	var (
		t    texts
		errs config.Errors
	)
	for _, f := range []struct {
		path, name string
		into       *[]byte
	}{{"tls.cert", c.Cert, &t.cert}, {"tls.key", c.Key, &t.key}, {"tls.client_ca", c.ClientCA, &t.authorities}} {
		if f.name == "" {
			continue
		}
		text, err := readFile(f.name)
		if err != nil {
			errs.Add(f.path, "%s can't be read: %v%s", f.name, err, cureOf(err))
		}
		*f.into = text
	}
	return &t, errs.Err()
}

func cureOf(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "; the process's user needs to read it, by the file's group for instance"
	}
	return ""
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(text) > MaxFile {
		return nil, fmt.Errorf("it has more than %d bytes", MaxFile)
	}
	return text, err
}

// parse makes a Set of what belongs together.
func (t *texts) parse() (*Set, error) {
	s := &Set{texts: *t}
	var (
		errs config.Errors
		err  error
	)
	switch {
	case !holds(t.cert, isCertificate):
		errs.Add("tls.cert", "the file holds no certificate: -----BEGIN CERTIFICATE----- (PEM) is wanted, "+
			"the server's own first, then those between it and the authority's")
	case holds(t.key, isEncrypted):
		errs.Add("tls.key", "the key is encrypted, and nobody can be asked for its password: "+
			"openssl pkey -in FILE -out PLAIN decrypts it")
	case !holds(t.key, isKey):
		errs.Add("tls.key", "the file holds no key: -----BEGIN PRIVATE KEY----- (PEM) is wanted")
	default:
		if s.certificate, err = tls.X509KeyPair(t.cert, t.key); err != nil {
			errs.Add("tls.key", "%s", pairFault(err))
		}
	}
	if t.authorities != nil {
		s.authorities = x509.NewCertPool()
		if !s.authorities.AppendCertsFromPEM(t.authorities) {
			errs.Add("tls.client_ca", "the file holds no certificate of an authority: -----BEGIN CERTIFICATE----- (PEM) is wanted")
		}
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// pairFault says what is wrong with a pair, by what the library says of it: that may quote the
// files.
func pairFault(err error) string {
	if text := err.Error(); strings.Contains(text, "does not match") {
		return "the key is not that of the first certificate in tls.cert: " +
			"name both files of one renewal, and the server's own certificate first"
	}
	return "certificate and key can't be read: both are wanted in PEM, the key as PKCS #8, PKCS #1 or SEC 1, RSA, ECDSA or Ed25519"
}

func isCertificate(b *pem.Block) bool { return b.Type == "CERTIFICATE" }
func isKey(b *pem.Block) bool {
	return b.Type == "PRIVATE KEY" || strings.HasSuffix(b.Type, " PRIVATE KEY")
}
func isEncrypted(b *pem.Block) bool {
	return b.Type == "ENCRYPTED PRIVATE KEY" || isKey(b) && strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
}

func holds(text []byte, kind func(*pem.Block) bool) bool {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return false
		}
		if kind(b) {
			return true
		}
	}
}

// soon is how long before its end a certificate is said to end.
const soon = 14 * 24 * time.Hour

// Warning says that the certificate is not valid at a time, or not for long; "" where it is.
func (s *Set) Warning(now time.Time) string {
	leaf := s.certificate.Leaf
	switch {
	case now.After(leaf.NotAfter):
		return "the certificate has expired, clients refuse it until it is renewed"
	case now.Before(leaf.NotBefore):
		return "the certificate is not valid yet, clients refuse it, or the clock is wrong"
	case leaf.NotAfter.Sub(now) < soon:
		return "the certificate expires soon, renew it"
	}
	return ""
}

// Ends is when the certificate ends to be valid.
func (s *Set) Ends() time.Time { return s.certificate.Leaf.NotAfter }

// Names are the names and addresses that the certificate is for.
func (s *Set) Names() string {
	leaf := s.certificate.Leaf
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return strings.Join(names, " ")
}

// A Server is what a server's connections of TLS go by. Its Set can be replaced while it serves.
type Server struct {
	set    atomic.Pointer[Set]
	config atomic.Pointer[tls.Config]
}

// NewServer makes a Server.
func NewServer(s *Set) *Server {
	server := &Server{}
	server.Use(s)
	return server
}

// Config is for http.Server.
func (s *Server) Config() *tls.Config {
	c := s.config.Load().Clone()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.config.Load(), nil }
	return c
}

// Set is the one in force.
func (s *Server) Set() *Set { return s.set.Load() }

// Use has the connections that come go by a Set. same: that was in force already.
func (s *Server) Use(set *Set) (same bool) {
	if old := s.set.Load(); old != nil && old.texts.equal(&set.texts) {
		return true
	}
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{set.certificate},
	}
	if set.authorities != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, set.authorities
		// Who comes back by a ticket is not looked at again, though its authority may be gone.
		c.SessionTicketsDisabled = true
	}
	s.set.Store(set)
	s.config.Store(c)
	return false
}
