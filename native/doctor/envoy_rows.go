package doctor

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/native/probe"
)

// limits.yaml has what Istio's APIs leave out.
const istioLimits = "apply filter/deploy/istio/limits.yaml too, and give it as a further --envoy"

// rows judges the files: each warning has the lines to add.
func (f *envoyFiles) rows(r *Report, model string) {
	if len(f.filters) == 0 {
		r.add(probe.Warn, "envoy filter", "no wasm filter of that name is in the files",
			"see envoy.yaml, or filter/deploy for Istio and Envoy Gateway")
		return
	}
	for _, w := range f.filters {
		r.add(probe.OK, "envoy filter", strings.TrimSpace(fmt.Sprintf("%s: %s %s", w.at.where(), w.name, w.code)), "")
		w.pluginRow(r, model)
		w.knobRow(r)
		w.policyRow(r)
	}
	f.bufferRow(r)
	f.timeoutRow(r)
	f.streamIdleRow(r)
	f.clusterIdleRow(r)
	f.chainRow(r)
	f.upgradeRow(r)
	f.requestIDRow(r)
}

func (w *wasmFilter) pluginRow(r *Report, model string) {
	const check = "envoy config"
	at := w.at
	if w.config != nil {
		at = w.config
	}
	if w.fault != nil {
		for line := range strings.Lines(w.fault.Error()) {
			r.add(probe.Fail, check, at.where()+": "+strings.TrimSpace(line), "the filter refuses it, and Envoy answers 503 or does not start")
		}
		return
	}
	text, _ := w.text()
	switch served := gjson.GetBytes(text, "upstreams.0.model").String(); {
	case model != "" && served != model:
		r.add(probe.Warn, check, fmt.Sprintf("%s: the model is %q, elsewhere %q", at.where(), served, model),
			`"upstreams": [{"model": "`+model+`"}]`)
	case len(w.plugin.Unused) > 0:
		r.add(probe.Info, check, at.where()+": keys for the binary alone, without effect: "+strings.Join(w.plugin.Unused, ", "), "")
	default:
		r.add(probe.OK, check, at.where()+": is valid, model "+served, "")
	}
}

const (
	knobInEnvoy  = "allow_on_headers_stop_iteration: true   # beside failure_policy; Envoy 1.35 and newer"
	knobInConfig = `"envoy": {"allow_on_headers_stop_iteration": true}   # in the filter's configuration`
)

func (w *wasmFilter) knobRow(r *Report) {
	const check = "envoy knob"
	if w.plugin == nil {
		r.add(probe.Skip, check, "the filter's configuration is not valid", "")
		return
	}
	const costs = "an error found in a reply's body is a 200 with the error in it"
	switch said := w.plugin.HoldHeads; {
	case said && w.knob:
		r.add(probe.OK, check, "allow_on_headers_stop_iteration is set in Envoy and in the filter's configuration", "")
	case said && (w.api == istioAPI || w.api == envoyGateway):
		r.add(probe.Warn, check, w.at.where()+": set for the filter, which this API can't set in Envoy: the first exchange waits",
			"take envoy.allow_on_headers_stop_iteration out, or use filter/deploy/istio/envoyfilter.yaml")
	case said:
		r.add(probe.Warn, check, w.at.where()+": set for the filter, not in Envoy: the first exchange waits, and "+costs, knobInEnvoy)
	case w.knob:
		r.add(probe.Warn, check, w.at.where()+": set in Envoy, not in the filter's configuration: "+costs, knobInConfig)
	case w.api == istioAPI || w.api == envoyGateway:
		r.add(probe.Info, check, "not set, which this API can't: "+costs, "")
	default:
		r.add(probe.Info, check, w.at.where()+": not set: "+costs, knobInEnvoy+"\n"+knobInConfig)
	}
}

func (w *wasmFilter) policyRow(r *Report) {
	const check = "envoy failure policy"
	crashed := w.at.where() + ": a crashed VM's worker answers 503 until Envoy restarts"
	switch {
	case w.policy == "FAIL_OPEN":
		fix := "failure_policy: FAIL_RELOAD"
		switch w.api {
		case istioAPI:
			fix = "failStrategy: FAIL_RELOAD"
		case envoyGateway:
			fix = "failOpen: false"
		}
		r.add(probe.Fail, check, w.at.where()+": FAIL_OPEN: without the filter, requests pass unconverted and unchecked", fix)
	case w.policy == "FAIL_RELOAD":
		r.add(probe.OK, check, "FAIL_RELOAD: a crashed VM is replaced", "")
	case w.api == envoyGateway:
		r.add(probe.Info, check, "a crashed VM's worker answers 503 until Envoy restarts; this API has no other", "")
	case w.api == istioAPI:
		r.add(probe.Warn, check, crashed, "failStrategy: FAIL_RELOAD   # beside pluginConfig")
	default:
		r.add(probe.Warn, check, crashed, "failure_policy: FAIL_RELOAD   # beside configuration")
	}
}
