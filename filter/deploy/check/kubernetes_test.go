package check

import (
	"encoding/json"
	"fmt"

	gatewayv1alpha1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	extensionsv1alpha1 "istio.io/api/extensions/v1alpha1"
	networkingv1alpha3 "istio.io/api/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds knows how to decode each kind of sample. A new kind fails until it has its
// place here.
var kinds = map[metav1.TypeMeta]func(text []byte) ([]plugin, error){
	{APIVersion: "extensions.istio.io/v1alpha1", Kind: "WasmPlugin"}: func(text []byte) ([]plugin, error) {
		var spec extensionsv1alpha1.WasmPlugin
		if err := decodeIstio(text, &spec); err != nil {
			return nil, err
		}
		return istioPlugin(spec.PluginConfig, spec.FailStrategy)
	},
	{APIVersion: "extensions.istio.io/v1alpha1", Kind: "TrafficExtension"}: func(text []byte) ([]plugin, error) {
		var spec extensionsv1alpha1.TrafficExtension
		if err := decodeIstio(text, &spec); err != nil {
			return nil, err
		}
		return istioPlugin(spec.GetWasm().GetPluginConfig(), spec.GetWasm().GetFailStrategy())
	},
	{APIVersion: "networking.istio.io/v1alpha3", Kind: "EnvoyFilter"}: func(text []byte) ([]plugin, error) {
		var spec networkingv1alpha3.EnvoyFilter
		if err := decodeIstio(text, &spec); err != nil {
			return nil, err
		}
		return decodePatches(&spec)
	},
	{APIVersion: "gateway.envoyproxy.io/v1alpha1", Kind: "EnvoyExtensionPolicy"}: func(text []byte) ([]plugin, error) {
		var policy gatewayv1alpha1.EnvoyExtensionPolicy
		if err := yaml.UnmarshalStrict(text, &policy); err != nil {
			return nil, err
		}
		var plugins []plugin
		for _, w := range policy.Spec.Wasm {
			// Envoy Gateway knows closed and open. Fail closed is its default.
			failure := "FAIL_CLOSED"
			if w.FailOpen != nil && *w.FailOpen {
				failure = "FAIL_OPEN"
			}
			var text []byte
			if w.Config != nil {
				text = w.Config.Raw
			}
			p, err := decodePlugin(text, false, failure)
			if err != nil {
				return nil, err
			}
			plugins = append(plugins, p)
		}
		return plugins, nil
	},
	{APIVersion: "gateway.envoyproxy.io/v1alpha1", Kind: "ClientTrafficPolicy"}: func(text []byte) ([]plugin, error) {
		return nil, yaml.UnmarshalStrict(text, &gatewayv1alpha1.ClientTrafficPolicy{})
	},
	{APIVersion: "gateway.envoyproxy.io/v1alpha1", Kind: "BackendTrafficPolicy"}: func(text []byte) ([]plugin, error) {
		return nil, yaml.UnmarshalStrict(text, &gatewayv1alpha1.BackendTrafficPolicy{})
	},
}

func decodeKubernetes(text []byte) (*decoded, error) {
	var meta metav1.TypeMeta
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, err
	}
	decode, ok := kinds[meta]
	if !ok {
		return nil, fmt.Errorf("no type is known for %s %s", meta.APIVersion, meta.Kind)
	}
	plugins, err := decode(text)
	return &decoded{kind: meta.Kind, plugins: plugins}, err
}

// decodeIstio decodes an object whose spec is a protobuf message. Not with the types
// of istio.io/client-go: they accept any key below spec.
func decodeIstio(text []byte, spec proto.Message) error {
	var object struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
		Spec            json.RawMessage   `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		return err
	}
	return protojson.Unmarshal(object.Spec, spec)
}

// istioPlugin turns pluginConfig into JSON text, as Istio does for Envoy. Neither of
// its two APIs can set allow_on_headers_stop_iteration.
func istioPlugin(config *structpb.Struct, failure extensionsv1alpha1.FailStrategy) ([]plugin, error) {
	text, err := protojson.Marshal(config)
	if err != nil {
		return nil, err
	}
	p, err := decodePlugin(text, false, failure.String())
	return []plugin{p}, err
}
