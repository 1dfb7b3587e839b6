package doctor

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// Options say what to look at.
type Options struct {
	// Flags and Env give the configuration, as they give it to the gateway.
	Flags *settings.Flags
	Env   func(string) (string, bool)
	// Notes are what is odd about flags and variables, and no fault.
	Notes []string
	// Envoy are files of Envoy, Istio or Envoy Gateway, judged together.
	Envoy []string
	// Deep takes longer: it waits for connections to be closed, and has the model make a call.
	Deep bool
	// Strict: what could be better is a fault.
	Strict bool

	// Bind takes the place of net.Listen, Proxy that of http.ProxyFromEnvironment, Now that of
	// time.Now.
	Bind  func(address string) (net.Listener, error)
	Proxy func(*http.Request) (*url.URL, error)
	Now   func() time.Time
}

// mostTime bounds the whole, whatever the server does.
const mostTime = 3 * time.Minute

// Run makes all checks.
func Run(ctx context.Context, o Options) *Report {
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	r := &Report{}
	c := r.configRow(&o)
	for _, note := range o.Notes {
		r.add(probe.Warn, "variables", note, "")
	}
	if c != nil {
		r.modesRow(c, o.Flags.File(o.Env))
		r.listenRow(c)
		r.certificateRow(c, o.Now())
		r.startRow(c, o.Bind)
		r.generationRow(c)
		r.proxyRow(c, o.Proxy)
	}
	if len(o.Envoy) > 0 {
		r.envoy(c, o.Envoy)
	}
	if c != nil {
		r.server(ctx, c, &o)
	}
	r.conclude(o.Strict)
	return r
}

// configRow reads the configuration as the gateway would; nil if there is none.
func (r *Report) configRow(o *Options) *config.Config {
	const check = "config"
	if len(o.Envoy) > 0 && o.Flags.File(o.Env) == "" && o.Flags.Target == nil && o.Flags.ServedModel == nil {
		r.add(probe.Skip, check, "the Envoy files alone are looked at", "--target and --served-model, or --config, have the server asked as well")
		return nil
	}
	c, err := settings.Load(o.Flags, o.Env)
	if err == nil {
		r.secrets = secretsOf(c)
		u := c.Main()
		r.add(probe.OK, check, "listens on "+settings.AddressOf(c).String()+", sends to "+settings.RedactedURL(u.URL)+
			" ("+cmp.Or(u.Model, "its only model")+")", "")
		return c
	}
	r.Code = ExitUsage
	lines := []string{err.Error()}
	var faults config.Errors
	if errors.As(err, &faults) {
		lines = faults.Lines()
	}
	for _, line := range lines {
		r.add(probe.Fail, check, line, "")
	}
	r.add(probe.Skip, "server", "not asked, since the configuration can't be used", "")
	return nil
}

// secretsOf are the values of a configuration that no row may show.
func secretsOf(c *config.Config) []string {
	secrets := []string{c.Responses.EncryptionKey}
	for _, u := range c.Upstreams {
		secrets = append(secrets, u.APIKey)
	}
	if u, err := url.Parse(c.Store.Redis); err == nil && u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, password)
	}
	return secrets
}

// envoy reads and judges files of Envoy. c is nil where there is no configuration of the binary.
func (r *Report) envoy(c *config.Config, names []string) {
	f, err := readEnvoy(names)
	if err != nil {
		r.Code = ExitUsage
		r.add(probe.Fail, "envoy file", err.Error(), "")
		return
	}
	model := ""
	if c != nil {
		model = c.Main().Model
	}
	f.rows(r, model)
}

// server asks the server. Where it is not reached, the rest is skipped.
func (r *Report) server(ctx context.Context, c *config.Config, o *Options) {
	s, err := newServer(c, o)
	if err != nil {
		r.Code = ExitUsage
		r.add(probe.Fail, "server", err.Error(), "")
		return
	}
	defer s.close()
	found := s.keyed.All(ctx)
	for _, f := range found {
		r.put(f)
	}
	if found[0].Status == probe.Fail {
		if r.Code == ExitGood {
			r.Code = ExitUnreachable
		}
		r.add(probe.Skip, "server", "all else is not asked, since the server is not reached", "")
		return
	}
	if m, ok := s.keyed.Served(ctx); ok {
		s.name(m.Name)
	}
	s.rows(ctx, r)
}
