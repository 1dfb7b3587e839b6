package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// expirySoon is how long before its end a certificate is spoken of.
const expirySoon = 14 * 24 * time.Hour

// How to set the address.
const setURL = "upstreams[0].url (--target, QWENVOY_TARGET)"

// Reach asks for /health. Whatever answers in HTTP is reached.
func (s *Server) Reach(ctx context.Context) Finding {
	s.models = nil
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := s.client.Get(ctx, "/health", s.authorization())
	if err != nil {
		found, fix := s.unreached(ctx, err)
		return Finding{reach, Fail, found, fix}
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}
	switch {
	case resp.TLS == nil && a.Status == http.StatusBadRequest && s.speaksTLS(ctx):
		found, fix := s.wantsTLS()
		return Finding{reach, Fail, found, fix}
	case a.Status >= 300 && a.Status < 400:
		return Finding{reach, Fail, fmt.Sprintf("%s redirects (%d) to %s", s.address(), a.Status, s.shown(a.Header.Get("Location"))),
			"set " + setURL + " to the address that it redirects to: redirects are not followed"}
	case a.Status >= 500:
		return Finding{reach, Fail, fmt.Sprintf("%s answers %d on /health: %s", s.address(), a.Status, s.words(a)),
			"the server is starting, or its engine has failed: look at its log, and start it again if it does not come"}
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		if end := resp.TLS.PeerCertificates[0].NotAfter; time.Until(end) < expirySoon {
			return Finding{reach, Warn, fmt.Sprintf("the certificate of %s ends on %s", s.address(), end.UTC().Format(time.DateOnly)),
				"renew the server's certificate"}
		}
	}
	return Finding{reach, OK, s.address() + " answers", ""}
}

func (s *Server) authorization() string {
	if s.upstream.APIKey == "" {
		return ""
	}
	return "Bearer " + s.upstream.APIKey
}

// unreached says why no answer came: which step failed, and what to do.
func (s *Server) unreached(ctx context.Context, err error) (found, fix string) {
	at := s.address()
	var (
		dns     *net.DNSError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		op      *net.OpError
		timeout net.Error
	)
	errors.As(err, &op)
	switch {
	case op != nil && op.Op == "proxyconnect":
		return "the proxy that the environment names for " + at + " is not reachable: " + s.cause(err),
			"take the server's host out of it by NO_PROXY, or correct HTTPS_PROXY"
	case errors.As(err, &dns):
		return "no address is known for the host " + s.shown(s.url.Hostname()), "correct the host in " + setURL
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens on " + at, "start the server there, or correct " + setURL +
			"; from inside a container 127.0.0.1 is the container itself"
	case errors.As(err, &name):
		return "the certificate of " + at + " is for another name: " + s.cause(err), "use the name that the certificate bears in " + setURL
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + at + " has expired, or this machine's clock is wrong: " + s.cause(err), "renew the server's certificate"
	case errors.As(err, &unknown):
		return "the certificate of " + at + " is of an authority that this machine does not know",
			"add the authority's certificate to this machine's store, or name its file in SSL_CERT_FILE"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("%s did not answer within %s", at, patience),
			"look whether the server hangs, whether a firewall drops what goes there, and at " + setURL
	case errors.Is(err, http.ErrSchemeMismatch), s.url.Scheme == "https" && s.speaksHTTP(ctx):
		return at + " speaks plain HTTP, and the address says https", "write http:// in place of https:// in " + setURL
	case s.url.Scheme == "http" && s.speaksTLS(ctx):
		return s.wantsTLS()
	}
	return "no answer from " + at + ": " + s.cause(err), "look whether what listens there is the model server, and at " + setURL
}

func (s *Server) wantsTLS() (found, fix string) {
	return s.address() + " speaks TLS, and the address says http", "write https:// in place of http:// in " + setURL
}
