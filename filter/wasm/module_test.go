package main_test

import (
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/qwenvoy/qwenvoy/filter/wasmtest"
)

// The functions of wasi_snapshot_preview1 that Envoy 1.36 to 1.38 offer; a module that
// imports another one fails to load there.
var envoyWASI = []string{
	"fd_write", "fd_read", "fd_seek", "fd_close", "fd_fdstat_get", "fd_fdstat_set_flags",
	"environ_get", "environ_sizes_get", "args_get", "args_sizes_get", "clock_time_get",
	"random_get", "sched_yield", "poll_oneoff", "proc_exit", "path_open",
	"fd_prestat_get", "fd_prestat_dir_name",
}

func TestModuleLoadsOnTheOldestEnvoy(t *testing.T) {
	wasm := wasmtest.Module(t)
	if limit := 6_000_000; len(wasm) > limit {
		t.Errorf("the module has %d bytes, more than %d", len(wasm), limit)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer r.Close(ctx)
	m, err := r.CompileModule(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	imports := 0
	for _, f := range m.ImportedFunctions() {
		module, name, _ := f.Import()
		switch module {
		case "env":
			imports++
		case "wasi_snapshot_preview1":
			imports++
			if !slices.Contains(envoyWASI, name) {
				t.Errorf("the module imports %s, which Envoy 1.36 does not have", name)
			}
		default:
			t.Errorf("the module imports %s.%s", module, name)
		}
	}
	if imports == 0 {
		t.Error("the module imports nothing: is it the filter?")
	}
}
