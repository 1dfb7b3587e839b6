# Qwenvoy. `make run` starts the gateway, `make test` tests it.
GO     ?= go
BIN    := bin
LDFLAGS := -s -w

.PHONY: build
build: $(BIN)/qwenvoy $(BIN)/qwenvoy.wasm

.PHONY: $(BIN)/qwenvoy
$(BIN)/qwenvoy:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./native

.PHONY: $(BIN)/qwenvoy.wasm
$(BIN)/qwenvoy.wasm:
	GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -ldflags '$(LDFLAGS)' -o $@ ./filter
