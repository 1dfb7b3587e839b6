package check

import (
	"fmt"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networkingv1alpha3 "istio.io/api/networking/v1alpha3"

	// The extensions that configurations name by "@type". An unknown one fails to
	// decode: add it here.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
)

type bootstrap = bootstrapv3.Bootstrap

func decodeBootstrap(text []byte) (*decoded, error) {
	b := &bootstrapv3.Bootstrap{}
	plugins, err := decodeEnvoy(text, b, true)
	return &decoded{kind: "Bootstrap", plugins: plugins, bootstrap: b}, err
}

// patchTypes says what the value of an EnvoyFilter's patch is.
var patchTypes = map[networkingv1alpha3.EnvoyFilter_ApplyTo]proto.Message{
	networkingv1alpha3.EnvoyFilter_LISTENER:            &listenerv3.Listener{},
	networkingv1alpha3.EnvoyFilter_LISTENER_FILTER:     &listenerv3.ListenerFilter{},
	networkingv1alpha3.EnvoyFilter_FILTER_CHAIN:        &listenerv3.FilterChain{},
	networkingv1alpha3.EnvoyFilter_NETWORK_FILTER:      &listenerv3.Filter{},
	networkingv1alpha3.EnvoyFilter_HTTP_FILTER:         &hcmv3.HttpFilter{},
	networkingv1alpha3.EnvoyFilter_ROUTE_CONFIGURATION: &routev3.RouteConfiguration{},
	networkingv1alpha3.EnvoyFilter_VIRTUAL_HOST:        &routev3.VirtualHost{},
	networkingv1alpha3.EnvoyFilter_HTTP_ROUTE:          &routev3.Route{},
	networkingv1alpha3.EnvoyFilter_CLUSTER:             &clusterv3.Cluster{},
	networkingv1alpha3.EnvoyFilter_EXTENSION_CONFIG:    &corev3.TypedExtensionConfig{},
}

// decodePatches decodes what Istio only knows as a Struct.
func decodePatches(filter *networkingv1alpha3.EnvoyFilter) ([]plugin, error) {
	var plugins []plugin
	for i, c := range filter.ConfigPatches {
		like, ok := patchTypes[c.ApplyTo]
		if !ok {
			return nil, fmt.Errorf("configPatches[%d]: no type is known for applyTo %s", i, c.ApplyTo)
		}
		text, err := protojson.Marshal(c.GetPatch().GetValue())
		if err != nil {
			return nil, err
		}
		// A merge names only what it changes, so what Envoy requires may be missing.
		whole := c.Patch.Operation != networkingv1alpha3.EnvoyFilter_Patch_MERGE
		more, err := decodeEnvoy(text, proto.Clone(like), whole)
		if err != nil {
			return nil, fmt.Errorf("configPatches[%d].patch.value: %w", i, err)
		}
		plugins = append(plugins, more...)
	}
	return plugins, nil
}

// decodeEnvoy decodes Envoy's JSON into m, strictly, and validates the extensions
// inside (which ValidateAll does not enter), and m itself when it is whole.
func decodeEnvoy(text []byte, m proto.Message, whole bool) ([]plugin, error) {
	if err := protojson.Unmarshal(text, m); err != nil {
		return nil, err
	}
	if whole {
		if err := validate(m); err != nil {
			return nil, err
		}
	}
	var plugins []plugin
	err := protorange.Range(m.ProtoReflect(), func(at protopath.Values) error {
		last := at.Index(-1)
		if last.Step.Kind() == protopath.AnyExpandStep {
			if err := validate(last.Value.Message().Interface()); err != nil {
				return fmt.Errorf("%v: %w", at.Path, err)
			}
		}
		message, ok := last.Value.Interface().(interface{ Interface() proto.Message })
		if !ok {
			return nil
		}
		switch m := message.Interface().(type) {
		case *wasmv3.PluginConfig:
			p, err := newPlugin(m)
			if err != nil {
				return fmt.Errorf("%v: %w", at.Path, err)
			}
			plugins = append(plugins, p)
		case *clusterv3.Cluster:
			for key, options := range m.TypedExtensionProtocolOptions {
				if name := string(options.MessageName()); key != name {
					return fmt.Errorf("%v.typed_extension_protocol_options: %s is the key of a %s", at.Path, key, name)
				}
			}
		}
		return nil
	})
	return plugins, err
}

func validate(m proto.Message) error {
	v, ok := m.(interface{ ValidateAll() error })
	if !ok {
		return nil // protobuf's own types
	}
	return v.ValidateAll()
}

func newPlugin(m *wasmv3.PluginConfig) (plugin, error) {
	// The other form, google.protobuf.Struct, reaches the filter as protobuf.
	var text wrapperspb.StringValue
	if m.Configuration.MessageIs((*structpb.Struct)(nil)) {
		return plugin{}, fmt.Errorf("configuration: a Struct reaches the filter in binary form, use a google.protobuf.StringValue with JSON text")
	}
	if err := m.Configuration.UnmarshalTo(&text); err != nil {
		return plugin{}, fmt.Errorf("configuration: %w", err)
	}
	return decodePlugin([]byte(text.Value), m.AllowOnHeadersStopIteration.GetValue(), m.FailurePolicy.String())
}
