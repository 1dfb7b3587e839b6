package wasmtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tidwall/sjson"
)

// Options say what the filter runs in.
type Options struct {
	// Module is the wasm module; nil is Module(t).
	Module []byte
	// Config is the plugin configuration, a JSON object.
	Config string
	// Knob is Envoy's allow_on_headers_stop_iteration. Config is made to say the same.
	Knob bool
	// Mistaken: Config says that there is the knob, and there is none.
	Mistaken bool
	// BufferLimit is Envoy's limit for a gathered body in bytes; 0 is none.
	BufferLimit int
	// Interpret runs the module without compiling it: quick to start, slow to run.
	Interpret bool
}

// ErrRefused: the filter didn't take its configuration.
var ErrRefused = errors.New("wasmtest: configuration refused")

// A Host is one VM with one plugin in it. It is not for concurrent use.
type Host struct {
	ctx     context.Context // carries the Host to the host calls
	module  api.Module
	options Options
	malloc  api.Function
	calls   map[string]api.Function
	stderr  bytes.Buffer

	logs     []Line
	metrics  []metric
	nextID   uint32
	active   *Stream // nil while the plugin's own callbacks run
	hostcall int
	tick     uint32    // in milliseconds; 0 is none
	streams  []*Stream // that are under way, while there is a tick
	resumed  []*Stream // in a tick
}

// A Line is one log line of the filter.
type Line struct {
	Level string // trace, debug, info, warn, error, critical
	Text  string
}

type metric struct {
	name  string
	value uint64
}

const pluginID = 1

// A program is a compiled module with what it imports. Compiling takes seconds, so all
// hosts of a process share it; it lives as long as the process.
type program struct {
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

var programs sync.Map // programKey -> func() (*program, error)

type programKey struct {
	sum       [sha256.Size]byte
	interpret bool
}

func load(wasm []byte, interpret bool) (*program, error) {
	key := programKey{sha256.Sum256(wasm), interpret}
	f, _ := programs.LoadOrStore(key, sync.OnceValues(func() (*program, error) { return compile(wasm, interpret) }))
	return f.(func() (*program, error))()
}

func compile(wasm []byte, interpret bool) (*program, error) {
	ctx := context.Background()
	config := wazero.NewRuntimeConfig()
	if interpret {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	module, err := r.CompileModule(ctx, wasm)
	if err != nil {
		return nil, err
	}
	wasi := r.NewHostModuleBuilder(wasi_snapshot_preview1.ModuleName)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(wasi)
	// Envoy up to 1.38 has no poll_oneoff: whatever sleeps must fail here too.
	const enosys = 52
	wasi.NewFunctionBuilder().WithFunc(func(context.Context, uint32, uint32, uint32, uint32) uint32 { return enosys }).
		Export("poll_oneoff")
	if _, err := wasi.Instantiate(ctx); err != nil {
		return nil, err
	}
	if err := exportABI(ctx, r, module); err != nil {
		return nil, err
	}
	return &program{r, module}, nil
}

type hostKey struct{}

// New starts a filter and stops it with the test. A refused configuration fails the test.
func New(t testing.TB, o Options) *Host {
	t.Helper()
	if o.Module == nil {
		o.Module = Module(t)
	}
	h, err := Start(o)
	if h != nil {
		t.Cleanup(h.Close)
	}
	if err != nil {
		t.Fatalf("%v; log: %v", err, h.Logs())
	}
	return h
}

// Start starts a filter; Options.Module must be set. With ErrRefused the Host is
// returned too, for its log.
func Start(o Options) (*Host, error) {
	if o.Config == "" {
		o.Config = "{}"
	}
	if o.Knob || o.Mistaken {
		config, err := sjson.Set(o.Config, "envoy.allow_on_headers_stop_iteration", true)
		if err != nil {
			return nil, fmt.Errorf("wasmtest: %w", err)
		}
		o.Config = config
	}
	h := &Host{options: o, nextID: pluginID + 1, calls: map[string]api.Function{}}
	h.ctx = context.WithValue(context.Background(), hostKey{}, h)
	return h, h.start()
}

func (h *Host) start() error {
	p, err := load(h.options.Module, h.options.Interpret)
	if err != nil {
		return fmt.Errorf("wasmtest: %w", err)
	}
	// With wazero's default clock, which stands still, Go's collector loses its pace.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().
		WithRandSource(rand.Reader).WithStdout(&h.stderr).WithStderr(&h.stderr)
	if h.module, err = p.runtime.InstantiateModule(h.ctx, p.module, config); err != nil {
		return fmt.Errorf("wasmtest: %w: %s", err, h.stderr.String())
	}
	// Envoy takes malloc where a module has one.
	if h.malloc = h.module.ExportedFunction("malloc"); h.malloc == nil {
		h.malloc = h.module.ExportedFunction("proxy_on_memory_allocate")
	}
	h.call("proxy_on_context_create", pluginID, 0)
	if h.call("proxy_on_vm_start", pluginID, 0) == 0 {
		return ErrRefused
	}
	if h.call("proxy_on_configure", pluginID, uint64(len(h.options.Config))) == 0 {
		return ErrRefused
	}
	return nil
}

// Close ends the VM.
func (h *Host) Close() {
	if h.module != nil {
		_ = h.module.Close(h.ctx)
	}
}

// Logs returns what the filter logged so far.
func (h *Host) Logs() []Line { return h.logs }

// Counter returns the value of a counter that the filter defined; 0 when it didn't.
func (h *Host) Counter(name string) uint64 {
	for _, m := range h.metrics {
		if m.name == name {
			return m.value
		}
	}
	return 0
}

// Tick is the plugin's timer going off, which it has asked for.
func (h *Host) Tick() {
	if h.tick == 0 {
		panic("wasmtest: nobody asked for a tick")
	}
	h.call("proxy_on_tick", pluginID)
	h.active = nil
	for _, s := range h.resumed {
		for _, d := range []*direction{&s.request, &s.reply} {
			if d.resumed {
				d.resume()
			}
		}
	}
	h.resumed = nil
}

// MemoryBytes is the size of the VM's linear memory, which only grows.
func (h *Host) MemoryBytes() int { return int(h.module.Memory().Size()) }

// Hostcalls counts the calls that the filter made to the host so far.
func (h *Host) Hostcalls() int { return h.hostcall }

// call runs one of the module's exports. A trap is a dead VM in Envoy, so it panics:
// no test can go on from there.
func (h *Host) call(name string, args ...uint64) uint64 {
	f := h.calls[name]
	if f == nil {
		if f = h.module.ExportedFunction(name); f == nil {
			panic("wasmtest: the module has no " + name)
		}
		h.calls[name] = f
	}
	results, err := f.Call(h.ctx, args...)
	if err != nil {
		panic(fmt.Sprintf("wasmtest: the VM died in %s: %v\n%s", name, err, h.stderr.String()))
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}
