package server

import (
	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// A backend is an upstream as the exchanges of one configuration reach it.
type backend struct {
	name, apiKey string
	client       *upstream.Client
	// windows are those of its models, by name.
	windows map[string]*upstream.Window
	known   *probe.State
}

func newBackend(u *config.Upstream, t config.Timeouts, models *catalog.Catalog) (*backend, error) {
	client, err := upstream.New(u.URL, t)
	if err != nil {
		return nil, err
	}
	b := &backend{name: u.Name, apiKey: u.APIKey, client: client, known: probe.NewState(), windows: map[string]*upstream.Window{
		u.Model: upstream.NewWindow(client, u.Model, nil),
	}}
	for _, m := range models.Models() {
		for i := range m.Targets() {
			if t := m.At(i).Target; t.Upstream == u.Name && b.windows[t.Model] == nil {
				b.windows[t.Model] = upstream.NewWindow(client, t.Model, nil)
			}
		}
	}
	return b, nil
}

// answered notes that the upstream is there. A failure of its own may be a proxy's before it.
func (b *backend) answered(status int) {
	if status < 500 {
		b.known.Answered()
	}
}
