package wasmtest

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Results of host calls, as numbered by the proxy-wasm ABI 0.2.
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
const (
	statusOK            = 0
	statusNotFound      = 1
	statusBadArgument   = 2
	statusUnimplemented = 12
)

const (
	bufferRequestBody  = 0
	bufferResponseBody = 1
	bufferPluginConfig = 7
)

const (
	mapRequestHeaders   = 0
	mapRequestTrailers  = 1
	mapResponseHeaders  = 2
	mapResponseTrailers = 3
)

var levels = [...]string{"trace", "debug", "info", "warn", "error", "critical"}

// A guestSide is the Host as the module sees it: the functions of the ABI, which take
// numbers and places in the module's memory.
type guestSide struct{ *Host }

var hostcalls = map[string]func(h guestSide, a []uint64) uint32{
	"proxy_log":                      guestSide.log,
	"proxy_send_local_response":      guestSide.sendLocalResponse,
	"proxy_get_header_map_value":     guestSide.getHeaderMapValue,
	"proxy_add_header_map_value":     guestSide.addHeaderMapValue,
	"proxy_replace_header_map_value": guestSide.replaceHeaderMapValue,
	"proxy_remove_header_map_value":  guestSide.removeHeaderMapValue,
	"proxy_get_header_map_pairs":     guestSide.getHeaderMapPairs,
	"proxy_get_buffer_bytes":         guestSide.getBufferBytes,
	"proxy_set_buffer_bytes":         guestSide.setBufferBytes,
	"proxy_continue_stream":          guestSide.continueStream,
	"proxy_set_effective_context":    guestSide.setEffectiveContext,

	"proxy_set_tick_period_milliseconds": guestSide.setTickPeriod,

	"proxy_define_metric":    guestSide.defineMetric,
	"proxy_increment_metric": guestSide.incrementMetric,
	"proxy_get_property":     guestSide.getProperty,
}

// exportABI defines every function that a module imports from "env"; those that have
// no place here say that they aren't implemented.
func exportABI(ctx context.Context, r wazero.Runtime, module wazero.CompiledModule) error {
	env := r.NewHostModuleBuilder("env")
	for _, f := range module.ImportedFunctions() {
		from, name, _ := f.Import()
		if from != "env" {
			continue
		}
		call, params := hostcalls[name], f.ParamTypes()
		if call == nil {
			call = func(guestSide, []uint64) uint32 { return statusUnimplemented }
		}
		env.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			h := ctx.Value(hostKey{}).(*Host)
			h.hostcall++
			for i, p := range params {
				if p == api.ValueTypeI32 { // the upper half is undefined
					stack[i] = uint64(uint32(stack[i]))
				}
			}
			stack[0] = uint64(call(guestSide{h}, stack))
		}), params, f.ResultTypes()).Export(name)
	}
	_, err := env.Instantiate(ctx)
	return err
}

func (h guestSide) read(ptr, size uint64) []byte {
	b, ok := h.module.Memory().Read(uint32(ptr), uint32(size))
	if !ok {
		panic("wasmtest: the filter named memory that it doesn't have")
	}
	return append([]byte(nil), b...)
}

// give copies b into memory that the module allocates and writes where it is.
func (h guestSide) give(b []byte, ptr, size uint64) uint32 {
	var at uint64
	if len(b) > 0 {
		results, err := h.malloc.Call(h.ctx, uint64(len(b)))
		if err != nil {
			panic("wasmtest: the VM died allocating: " + err.Error() + "\n" + h.stderr.String())
		}
		at = results[0]
		h.module.Memory().Write(uint32(at), b)
	}
	h.module.Memory().WriteUint32Le(uint32(ptr), uint32(at))
	h.module.Memory().WriteUint32Le(uint32(size), uint32(len(b)))
	return statusOK
}

func (h guestSide) log(a []uint64) uint32 {
	level := "?"
	if int(a[0]) < len(levels) {
		level = levels[a[0]]
	}
	h.logs = append(h.logs, Line{level, string(h.read(a[1], a[2]))})
	return statusOK
}

func (h guestSide) sendLocalResponse(a []uint64) uint32 {
	if h.active == nil {
		return statusOK
	}
	h.active.pending = &local{
		status: int(a[0]), details: string(h.read(a[1], a[2])),
		body: h.read(a[3], a[4]), header: parsePairs(h.read(a[5], a[6])),
	}
	return statusOK
}

// headers finds a head or trailers that the host still lets the filter see.
func (h guestSide) headers(kind uint64) *[][2]string {
	if h.active == nil {
		return nil
	}
	switch kind {
	case mapRequestHeaders:
		return h.active.request.head
	case mapRequestTrailers:
		return h.active.request.trailer
	case mapResponseHeaders:
		return h.active.reply.head
	case mapResponseTrailers:
		return h.active.reply.trailer
	}
	return nil
}

func (h guestSide) getHeaderMapValue(a []uint64) uint32 {
	m := h.headers(a[0])
	if m == nil {
		return statusBadArgument
	}
	name := strings.ToLower(string(h.read(a[1], a[2])))
	for _, f := range *m {
		if f[0] == name {
			return h.give([]byte(f[1]), a[3], a[4])
		}
	}
	return statusNotFound
}

func (h guestSide) addHeaderMapValue(a []uint64) uint32 {
	m := h.headers(a[0])
	if m == nil {
		return statusBadArgument
	}
	*m = append(*m, [2]string{strings.ToLower(string(h.read(a[1], a[2]))), string(h.read(a[3], a[4]))})
	return statusOK
}

func (h guestSide) replaceHeaderMapValue(a []uint64) uint32 {
	m := h.headers(a[0])
	if m == nil {
		return statusBadArgument
	}
	name, value := strings.ToLower(string(h.read(a[1], a[2]))), string(h.read(a[3], a[4]))
	var out [][2]string
	done := false
	for _, f := range *m {
		if f[0] == name {
			if done {
				continue
			}
			f[1], done = value, true
		}
		out = append(out, f)
	}
	if !done {
		out = append(out, [2]string{name, value})
	}
	*m = out
	return statusOK
}

func (h guestSide) removeHeaderMapValue(a []uint64) uint32 {
	m := h.headers(a[0])
	if m == nil {
		return statusBadArgument
	}
	name := strings.ToLower(string(h.read(a[1], a[2])))
	var out [][2]string
	for _, f := range *m {
		if f[0] != name {
			out = append(out, f)
		}
	}
	*m = out
	return statusOK
}

func (h guestSide) getHeaderMapPairs(a []uint64) uint32 {
	m := h.headers(a[0])
	if m == nil || len(*m) == 0 {
		return h.give(nil, a[1], a[2])
	}
	return h.give(formatPairs(*m), a[1], a[2])
}

// body finds the bytes of a body callback: what was gathered while the filter pauses,
// else the piece at hand; nil where there is none.
func (h guestSide) body(kind uint64) *[]byte {
	if h.active == nil {
		return nil
	}
	d := &h.active.request
	if kind == bufferResponseBody {
		d = &h.active.reply
	}
	if d.gathering {
		return &d.gathered
	}
	return d.piece
}

func (h guestSide) getBufferBytes(a []uint64) uint32 {
	var data []byte
	switch a[0] {
	case bufferPluginConfig:
		data = []byte(h.options.Config)
	case bufferRequestBody, bufferResponseBody:
		if b := h.body(a[0]); b != nil {
			data = *b
		}
	default:
		return statusNotFound
	}
	start, length := int(uint32(a[1])), int(uint32(a[2]))
	if start > len(data) {
		return statusBadArgument
	}
	return h.give(data[start:min(len(data), start+length)], a[3], a[4])
}

func (h guestSide) setBufferBytes(a []uint64) uint32 {
	if a[0] != bufferRequestBody && a[0] != bufferResponseBody {
		return statusBadArgument
	}
	b := h.body(a[0])
	if b == nil {
		return statusBadArgument
	}
	start, length, data := int(uint32(a[1])), int(uint32(a[2])), h.read(a[3], a[4])
	switch {
	case start == 0: // drains length bytes, then writes in front
		*b = append(data, (*b)[min(length, len(*b)):]...)
	case start >= len(*b):
		*b = append(append([]byte(nil), *b...), data...)
	default:
		return statusBadArgument
	}
	return statusOK
}

func (h guestSide) continueStream(a []uint64) uint32 {
	if h.active == nil || a[0] > 1 {
		return statusBadArgument
	}
	if a[0] == 0 {
		h.active.request.resumed = true
	} else {
		h.active.reply.resumed = true
	}
	h.resumed = append(h.resumed, h.active)
	return statusOK
}

func (h guestSide) setTickPeriod(a []uint64) uint32 {
	h.tick = uint32(a[0])
	return statusOK
}

func (h guestSide) setEffectiveContext(a []uint64) uint32 {
	for _, s := range h.streams {
		if s.id == uint32(a[0]) && !s.done {
			h.active = s
			return statusOK
		}
	}
	return statusBadArgument
}

func (h guestSide) defineMetric(a []uint64) uint32 {
	h.metrics = append(h.metrics, metric{name: string(h.read(a[1], a[2]))})
	h.module.Memory().WriteUint32Le(uint32(a[3]), uint32(len(h.metrics)))
	return statusOK
}

func (h guestSide) incrementMetric(a []uint64) uint32 {
	if a[0] == 0 || int(a[0]) > len(h.metrics) {
		return statusNotFound
	}
	h.metrics[a[0]-1].value += a[1]
	return statusOK
}

func (h guestSide) getProperty(a []uint64) uint32 {
	if h.active == nil {
		return statusNotFound
	}
	switch s := h.active; string(h.read(a[0], a[1])) {
	case "response\x00code_details":
		if s.details != "" {
			return h.give([]byte(s.details), a[2], a[3])
		}
	case "request\x00size":
		return h.give(binary.LittleEndian.AppendUint64(nil, uint64(s.request.size())), a[2], a[3])
	case "response\x00backend_latency":
		if s.reply.came.end {
			return h.give([]byte("0.1s"), a[2], a[3])
		}
	}
	return statusNotFound
}

// formatPairs writes a head as the ABI does: the count, all lengths, then the texts,
// each with a zero byte after it.
func formatPairs(pairs [][2]string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[1])))
	}
	for _, p := range pairs {
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return b
}

func parsePairs(b []byte) [][2]string {
	if len(b) < 4 {
		return nil
	}
	pairs := make([][2]string, binary.LittleEndian.Uint32(b))
	text := b[4+8*len(pairs):]
	for i := range pairs {
		for j := range 2 {
			n := binary.LittleEndian.Uint32(b[4+8*i+4*j:])
			pairs[i][j] = string(text[:n])
			text = text[n+1:]
		}
	}
	return pairs
}
