package check

import (
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	upstreamhttpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
)

const (
	filterBody = 32 << 20        // the filter's own limit of a body
	vllmIdle   = 5 * time.Second // after which vLLM's server (uvicorn) closes an idle connection
)

func TestEnvoyYAMLLeavesRoomForBodiesAndTimeForStreams(t *testing.T) {
	var seen struct{ listeners, hosts, routes, clusters, managers int }
	for _, d := range documents(t) {
		if d.name != "envoy.yaml" {
			continue
		}
		got, err := d.decode(d.json)
		if err != nil {
			t.Fatal(err)
		}
		err = protorange.Range(got.bootstrap.ProtoReflect(), func(at protopath.Values) error {
			message, ok := at.Index(-1).Value.Interface().(interface{ Interface() proto.Message })
			if !ok {
				return nil
			}
			switch m := message.Interface().(type) {
			case *listenerv3.Listener:
				seen.listeners++
				if n := m.PerConnectionBufferLimitBytes.GetValue(); n <= filterBody {
					t.Errorf("listener %s: per_connection_buffer_limit_bytes is %d", m.Name, n)
				}
			case *routev3.VirtualHost:
				seen.hosts++
				if n := m.RequestBodyBufferLimit.GetValue(); n <= filterBody {
					t.Errorf("virtual host %s: request_body_buffer_limit is %d", m.Name, n)
				}
			case *routev3.RouteAction:
				seen.routes++
				if m.Timeout == nil || m.Timeout.AsDuration() != 0 {
					t.Errorf("a route's timeout is %v, want 0s", m.Timeout)
				}
			case *hcmv3.HttpConnectionManager:
				seen.managers++
				if len(m.UpgradeConfigs) != 1 || m.UpgradeConfigs[0].UpgradeType != "websocket" {
					t.Errorf("upgrade_configs is %v, want websocket", m.UpgradeConfigs)
				}
			case *clusterv3.Cluster:
				seen.clusters++
				var o upstreamhttpv3.HttpProtocolOptions
				if err := m.TypedExtensionProtocolOptions[string(o.ProtoReflect().Descriptor().FullName())].UnmarshalTo(&o); err != nil {
					t.Errorf("cluster %s: %v", m.Name, err)
				}
				if d := o.CommonHttpProtocolOptions.GetIdleTimeout().AsDuration(); d <= 0 || d >= vllmIdle {
					t.Errorf("cluster %s: idle_timeout is %v, want less than vLLM's %v", m.Name, d, vllmIdle)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen.listeners == 0 || seen.hosts == 0 || seen.routes == 0 || seen.clusters == 0 || seen.managers == 0 {
		t.Errorf("envoy.yaml lacks something that was to be checked: %+v", seen)
	}
}
