package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

type healthCommand struct {
	URL string `default:"http://127.0.0.1:9000/health" help:"The gateway's health page."`
}

func (h *healthCommand) Run(p *process) error {
	transport := &http.Transport{DisableKeepAlives: true}
	if u, err := url.Parse(h.URL); err == nil && config.Loopback(u.Hostname()) {
		// A gateway of this machine, whose certificate is for the names that its clients use.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	resp, err := client.Get(h.URL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", h.URL, resp.Status)
	}
	fmt.Fprintln(p.stdout, "healthy")
	return nil
}
