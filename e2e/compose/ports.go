package compose

// Ports inside the containers; outside, Docker chooses.
const (
	AdminPort     = 9901
	NativePort    = 9000
	SimulatorPort = 8000
	// Upstream is where the gateways reach the simulator.
	Upstream = "simulator:8000"
)

// Port is that of Envoy's listener for the i-th configuration of the scenario table, in
// order of name, with allow_on_headers_stop_iteration or without.
func Port(i int, knob bool) int {
	if knob {
		return 10000 + i
	}
	return 11000 + i
}
