package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/probe"
)

// chainRow looks at what stands beside the filter.
func (f *envoyFiles) chainRow(r *Report) {
	const check = "envoy chain"
	if len(f.managers) == 0 {
		f.notHere(r, check)
		return
	}
	bad := 0
	for _, m := range f.managers {
		names := map[string]int{}
		for i, filter := range m.at.get("http_filters").items() {
			name := filter.get("name").text()
			switch names[name]++; {
			case names[name] == 2:
				bad++
				r.add(probe.Warn, check, fmt.Sprintf("%s: a second filter named %s", filter.where(), name), "name: "+name+"-2   # each its own")
			case i != m.filter && f.isOurs(filter):
				bad++
				r.add(probe.Warn, check, filter.where()+": the filter stands twice in one chain, and converts what is converted", "take one out")
			case i > m.filter && decompresses(filter):
				bad++
				r.add(probe.Warn, check, filter.where()+": a decompressor behind the filter makes it wait for ever; it decodes gzip itself",
					"take it out, or list it before "+m.at.get("http_filters").items()[m.filter].get("name").text())
			}
		}
	}
	if bad == 0 {
		r.add(probe.OK, check, "nothing in it is in the filter's way", "")
	}
}

// decompresses tells whether a filter unpacks replies.
func decompresses(filter *node) bool {
	c := filter.get("typed_config")
	enabled := c.get("response_direction_config", "common_config", "enabled", "default_value")
	return c.typed("filters.http.decompressor.v3.Decompressor") && enabled.text() != "false"
}

func (f *envoyFiles) upgradeRow(r *Report) {
	const check = "envoy upgrades"
	if len(f.managers) == 0 {
		f.notHere(r, check)
		return
	}
	bad := 0
	for _, m := range f.managers {
		if !slices.ContainsFunc(m.at.get("upgrade_configs").items(), func(u *node) bool {
			return strings.EqualFold(u.get("upgrade_type").text(), "websocket") && u.get("enabled").text() != "false"
		}) {
			bad++
			r.add(probe.Warn, check, m.at.where()+": WebSockets are Envoy's 403, where Codex would fall back at the filter's 426",
				"upgrade_configs:   # beside stat_prefix\n- upgrade_type: websocket")
		}
	}
	if bad == 0 {
		r.add(probe.OK, check, "WebSockets pass", "")
	}
}

const requestIDLines = `request_id_extension:   # beside tracing
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig
    pack_trace_reason: false
    use_request_id_for_trace_sampling: false`

// requestIDRow looks for tracing by ids that clients choose: one that is no UUID switches it off.
func (f *envoyFiles) requestIDRow(r *Report) {
	const check = "envoy request id"
	if len(f.managers) == 0 {
		f.notHere(r, check)
		return
	}
	bad := 0
	for _, m := range f.managers {
		c := m.at.get("request_id_extension", "typed_config")
		off := func(key string) bool { return c.get(key).text() == "false" }
		if m.at.get("tracing") != nil && !(off("pack_trace_reason") && off("use_request_id_for_trace_sampling")) {
			bad++
			r.add(probe.Warn, check, m.at.where()+": a client's x-request-id is changed, and one that is no UUID is not traced", requestIDLines)
		}
	}
	if bad == 0 {
		r.add(probe.OK, check, "tracing does not hang on clients' ids", "")
	}
}
