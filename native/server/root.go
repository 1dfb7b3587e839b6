package server

import (
	"net/http"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/clients"
	"github.com/qwenvoy/qwenvoy/native/page"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// SetVersion names the program's version, for the page at the root. It is called before
// requests are served.
func (h *Handler) SetVersion(version string) { h.version = version }

// forPeople is the core's own answer at the root, or for a browser a page in its place.
func (h *Handler) forPeople(st *state, a *hub.Answer, r *http.Request) *hub.Answer {
	if !page.Preferred(strings.Join(r.Header.Values("Accept"), ",")) {
		a.Header = varyByAccept(a.Header)
		return a
	}
	html, err := h.rootPage(st, r).HTML()
	if err != nil { // cannot be, with this template
		h.log.Error("the root page was not made", "error", err)
		return a
	}
	return &hub.Answer{Status: a.Status, Body: html, ContentType: page.ContentType, Header: append(varyByAccept(a.Header), page.Header...)}
}

// varyByAccept adds what the answer depends on.
func varyByAccept(header [][2]string) [][2]string {
	out := make([][2]string, 0, len(header)+1)
	vary := "accept"
	for _, f := range header {
		if f[0] == "vary" {
			vary = f[1] + ", " + vary
			continue
		}
		out = append(out, f)
	}
	return append(out, [2]string{"vary", vary})
}

func (h *Handler) rootPage(st *state, r *http.Request) *page.Root {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	of := st.config
	p := &page.Root{Version: h.version, Served: of.Main().Model, Dead: st.main.known.Dead()}
	var models []clients.Model
	for _, m := range st.gateway.Catalog().Models() {
		p.Models = append(p.Models, page.Model{Name: m.Name, Profile: m.Profile, Thinking: thinkingWord(m.Thinking)})
		models = append(models, clients.Model{Name: m.Name, Profile: m.Profile, Window: st.windowOf(m)})
	}
	p.Gateway = clients.New(scheme+r.Host, models)
	if h.loopback { // others need not know what stands behind
		p.Findings = st.main.known.Findings()
	}
	return p
}

func thinkingWord(t catalog.Thinking) string {
	switch t {
	case catalog.Off:
		return "off"
	case catalog.Client:
		return "as asked for"
	case catalog.Always:
		return "always"
	}
	return "on"
}
