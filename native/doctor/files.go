package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/qwenvoy/qwenvoy/native/certificate"
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/service"
	"github.com/qwenvoy/qwenvoy/native/settings"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// modesRow looks who may read the files that hold secrets, and who may change the configuration.
func (r *Report) modesRow(c *config.Config, file string) {
	const check = "modes"
	if runtime.GOOS == "windows" {
		r.add(probe.Skip, check, "files have no modes here", "")
		return
	}
	before, seen := len(r.Rows), 0
	judge := func(name string, most fs.FileMode, why string) {
		info, err := os.Stat(name)
		if err != nil {
			return // not there yet, or said by the check of the configuration
		}
		seen++
		if mode := info.Mode().Perm(); mode&^most != 0 {
			r.add(probe.Warn, check, fmt.Sprintf("%s is %04o: %s", name, mode, why), fmt.Sprintf("chmod %o %s", most, name))
		}
		if owner, ok := foreign(info); ok {
			r.add(probe.Warn, check, fmt.Sprintf("%s belongs to user %d, who may change its mode", name, owner),
				fmt.Sprintf("chown %d %s", os.Geteuid(), name))
		}
	}
	if file != "" {
		if holdsSecret(file, r.secrets) {
			judge(file, 0o600, "others may read the keys in it")
		} else {
			judge(file, 0o755, "others may change it")
		}
	}
	if c.TLS.Key != "" {
		judge(c.TLS.Key, 0o640, "others may read the certificate's private key")
	}
	if c.Store.Redis == "" && c.Store.Folder != "" {
		judge(c.Store.Folder, 0o700, "others may look into the folder of stored prompts")
		judge(filepath.Join(c.Store.Folder, "qwenvoy.db"), 0o600, "others may read stored prompts")
	}
	switch {
	case seen == 0:
		r.add(probe.OK, check, "no file holds a secret", "")
	case len(r.Rows) == before:
		r.add(probe.OK, check, "no file is open to others that should not be", "")
	}
}

// holdsSecret tells whether a file has a secret written out, not as the name of a variable.
func holdsSecret(file string, secrets []string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(string(text), s) {
			return true
		}
	}
	return false
}

// listenRow looks who can reach the gateway. It knows no clients by keys: what it has is the
// client's own key, which the server judges, or its own, which then serves all.
func (r *Report) listenRow(c *config.Config) {
	const check = "listen"
	address := settings.AddressOf(c)
	at := address.String()
	switch {
	case address.Loopback():
		r.add(probe.OK, check, at+" is reached from this machine alone", "")
	case c.TLS.ClientCA != "":
		r.add(probe.OK, check, at+" is beyond loopback, for clients with a certificate alone", "")
	case slices.ContainsFunc(c.Upstreams, func(u config.Upstream) bool { return u.APIKey != "" }):
		r.add(probe.Warn, check, at+" is beyond loopback, and the configured key serves whoever reaches it",
			"listen: 127.0.0.1 behind a proxy that asks for keys, tls.client_ca, or a firewall or network policy")
	default:
		r.add(probe.Info, check, at+" is beyond loopback: the server's key, if it asks for one, is all that keeps others out", "")
	}
}

// certificateRow looks at the gateway's own.
func (r *Report) certificateRow(c *config.Config, now time.Time) {
	const check = "certificate"
	if c.TLS.Cert == "" {
		r.add(probe.OK, check, "none is configured: the gateway speaks HTTP", "")
		return
	}
	set, err := certificate.Read(&c.TLS)
	switch {
	case err != nil:
		r.add(probe.Fail, check, err.Error(), "")
	case set.Warning(now) != "":
		r.add(probe.Warn, check, fmt.Sprintf("%s: %s", set.File, set.Warning(now)), "renew it; a gateway that runs takes it over")
	default:
		r.add(probe.OK, check, fmt.Sprintf("%s is for %s until %s", set.File, set.Names(), set.Ends().Format(time.DateOnly)), "")
	}
}

// startRow tries what a start needs. Who looks is seldom who serves, and a gateway that runs has
// its address already.
func (r *Report) startRow(c *config.Config, bind func(string) (net.Listener, error)) {
	const check = "start"
	found := service.Trial(c, bind)
	for _, err := range found {
		if errors.Is(err, service.ErrInUse) {
			r.add(probe.Info, check, err.Error(), "")
		} else {
			r.add(probe.Warn, check, "here and for this user, serve would not start: "+err.Error(), "")
		}
	}
	if len(found) == 0 {
		r.add(probe.OK, check, "the address is free", "")
	}
}

// proxyRow looks whether the environment leads requests to the server through a proxy.
func (r *Report) proxyRow(c *config.Config, proxy func(*http.Request) (*url.URL, error)) {
	const check = "proxy"
	target, err := url.Parse(c.Main().URL)
	if err != nil {
		return // said by the check of the configuration
	}
	by, err := proxy(&http.Request{URL: target})
	through := ""
	if by != nil {
		through = fmt.Sprintf("requests to %s go through the environment's proxy, %s", target.Hostname(), redact.Target(by.Scheme+"://"+by.Host))
	}
	switch host := target.Hostname(); {
	case err != nil:
		r.add(probe.Fail, check, "HTTP_PROXY or HTTPS_PROXY of the environment is no address", "correct it, or unset it")
	case by == nil:
		r.add(probe.OK, check, "requests go to the server directly", "")
	case near(host):
		r.add(probe.Warn, check, through, "NO_PROXY="+host)
	default:
		r.add(probe.Info, check, through, "")
	}
}

// near tells whether a host is on this machine or in this network, where a proxy is seldom meant.
func near(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if config.Loopback(host) || !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".svc", ".local", ".internal", ".lan"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// generationRow says whose sampling values the built-in models have.
func (r *Report) generationRow(c *config.Config) {
	const check = "generation"
	all, err := catalog.New(c)
	if err != nil {
		return // said by the check of the configuration
	}
	if g := all.Main().Generation; g == catalog.Unknown {
		r.add(probe.Info, check, "the served model's name tells none: the built-in models have the values of Qwen3.5, and no effort goes up",
			"upstreams: [{generation: qwen3.6}], or whichever it is")
	} else {
		r.add(probe.OK, check, "the built-in models have the values of "+g.Name, "")
	}
}
