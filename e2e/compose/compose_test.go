package compose

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qwenvoy/qwenvoy/e2e/carrier"
	"github.com/qwenvoy/qwenvoy/e2e/clients"
	"github.com/qwenvoy/qwenvoy/e2e/scenario"
)

// docker runs a command of the Docker client.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// service returns the URLs of a service's ports.
func service(t *testing.T, name string) func(port int) string {
	t.Helper()
	project := os.Getenv("QWENVOY_COMPOSE")
	if project == "" {
		t.Skip("QWENVOY_COMPOSE names no running project; make e2e starts one")
	}
	id := docker(t, "ps", "-q", "--filter", "label=com.docker.compose.project="+project, "--filter", "label=com.docker.compose.service="+name)
	if id == "" {
		t.Fatalf("the container of service %s does not run", name)
	}
	published := map[string]string{}
	for line := range strings.Lines(docker(t, "port", id)) { // 9000/tcp -> 127.0.0.1:49153
		inside, outside, _ := strings.Cut(strings.TrimSpace(line), " -> ")
		published[inside] = outside
	}
	return func(port int) string {
		t.Helper()
		address := published[fmt.Sprintf("%d/tcp", port)]
		if address == "" {
			t.Fatalf("port %d of service %s is not published: %v", port, name, published)
		}
		return "http://" + address
	}
}

// ready waits until a page answers 200.
func ready(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	var last error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		resp, err := client.Get(url)
		if last = err; err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		last = fmt.Errorf("status %s", resp.Status)
	}
	t.Fatalf("%s never answered 200: %v", url, last)
}

func names(t *testing.T) []string {
	t.Helper()
	configs, err := scenario.Configs()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(configs))
}

func run(t *testing.T, title string, urls map[string]string) {
	simulator := service(t, "simulator")(SimulatorPort)
	ready(t, simulator+"/health")
	client := carrier.NewClient(false)
	defer client.CloseIdleConnections()
	scenario.Run(t, &carrier.HTTP{Title: title, Bases: urls, Upstream: carrier.Simulator{URL: simulator}, Client: client})
}

func TestScenariosOnTheBinaryInAContainer(t *testing.T) {
	urls := map[string]string{}
	for _, name := range names(t) {
		urls[name] = service(t, "native-"+name)(NativePort)
		ready(t, urls[name]+"/health")
	}
	run(t, "native", urls)
}

func TestOpenAIClientOnContainers(t *testing.T) {
	t.Run("native", func(t *testing.T) {
		url := service(t, "native-default")(NativePort)
		ready(t, url+"/health")
		clients.OpenAI(t, url)
	})
	envoy := service(t, "envoy")
	ready(t, envoy(AdminPort)+"/ready")
	for title, knob := range map[string]bool{"envoy": true, "envoy-no-knob": false} {
		t.Run(title, func(t *testing.T) { clients.OpenAI(t, envoy(Port(slices.Index(names(t), "default"), knob))) })
	}
}

func TestScenariosOnEnvoyInAContainer(t *testing.T) {
	envoy := service(t, "envoy")
	ready(t, envoy(AdminPort)+"/ready")
	for title, knob := range map[string]bool{"envoy": true, "envoy-no-knob": false} {
		t.Run(title, func(t *testing.T) {
			urls := map[string]string{}
			for i, name := range names(t) {
				urls[name] = envoy(Port(i, knob))
			}
			run(t, title, urls)
		})
	}
}
