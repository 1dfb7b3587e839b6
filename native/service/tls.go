package service

import (
	"net"
	"net/http"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate"
)

// certify reads the certificate, where the configuration names one.
func (s *service) certify() error {
	s.files.follow(s.config, s.log)
	if s.config.TLS.Cert == "" {
		return nil
	}
	s.files.changed() // remembered before they are read, so that no change is missed
	set, err := certificate.Read(&s.config.TLS)
	if err != nil {
		return err
	}
	s.tls = certificate.NewServer(set)
	return nil
}

// serve serves the connections of one listener.
func (s *service) serve(srv *http.Server, ln net.Listener) error {
	if s.tls == nil {
		return srv.Serve(ln)
	}
	return srv.ServeTLS(ln, "", "")
}

// renew shows another certificate to the clients that come.
func (s *service) renew(set *certificate.Set) {
	if s.tls == nil || set == nil || s.tls.Use(set) {
		return
	}
	s.log.Info("certificate taken over", "names", set.Names(), "ends", set.Ends().Format(time.RFC3339))
	s.warnOfCertificate(set)
}

// warnOfCertificate says that a certificate's clients will refuse it.
func (s *service) warnOfCertificate(set *certificate.Set) {
	if text := set.Warning(time.Now()); text != "" {
		s.log.Warn(text, "file", set.File, "names", set.Names(), "ends", set.Ends().Format(time.RFC3339))
	}
}
