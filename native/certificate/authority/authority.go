// Package authority makes certificates for tests. It imports nothing of this module.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// An Authority signs certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// PEM is its own certificate.
	PEM []byte
}

// New makes an Authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * 365 * time.Hour),
	}
	a.certificate, a.key, a.PEM = sign(t, template, a)
	return a
}

// Pool is for who trusts the Authority.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.certificate)
	return p
}

// Issue makes a certificate for localhost, 127.0.0.1 and other names, for servers and clients,
// that ends after a time, and its key, in PEM.
func (a *Authority) Issue(t testing.TB, ends time.Duration, names ...string) (cert, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "localhost"},
		DNSNames: append([]string{"localhost"}, names...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(min(ends, 0) - time.Hour), NotAfter: time.Now().Add(ends),
	}
	_, private, cert := sign(t, template, a)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Client is a certificate for a client, which ends after a year.
func (a *Authority) Client(t testing.TB) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(a.Issue(t, 24*365*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// Write writes a file as whoever renews certificates does: the old one is there until the new
// one is whole.
func Write(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name+"~", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+"~", name); err != nil {
		t.Fatal(err)
	}
}

// sign makes a key and the certificate for it; one of an Authority without a key signs itself.
func sign(t testing.TB, template *x509.Certificate, by *Authority) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100)); err != nil {
		t.Fatal(err)
	}
	parent, parentKey := by.certificate, by.key
	if parentKey == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
