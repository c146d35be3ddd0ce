# Everything a developer does here is one of these verbs; `make help` lists them.
# Only Go and Node must be there: what else a verb needs, it installs first.

GO      ?= go
SHELL   := /bin/sh
export CGO_ENABLED = 0
# Without the folder's path in what is compiled, a second clone finds it in Go's cache.
export GOFLAGS = -mod=readonly -trimpath

UI_SOURCES := $(shell find web/src web/public web/index.html web/vite.config.ts web/package.json web/tsconfig.json -type f 2>/dev/null)
GO_SOURCES := $(shell find cmd internal demo web -name '*.go' -not -path '*/node_modules/*' 2>/dev/null) go.mod go.sum

.DEFAULT_GOAL := help
.PHONY: help run dev build check test test-go test-web test-browser test-packages packages soak race mutants fuzz bench test-peers generate

help:            ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## */\1\t/p' Makefile | expand -t 14

run: build tools-run ## build what changed and start the demo
	@bin/ringfence demo --data .data/demo --listen localhost:8443

dev: web/node_modules/.stamp tools-run ## the demo's server, and the portal reloading as it is edited
	@$(GO) build -o bin/ringfence ./cmd/ringfence
	@trap 'kill 0' INT TERM EXIT; bin/ringfence demo --data .data/dev --listen 127.0.0.1:8443 & cd web && npx vite

build: bin/ringfence ## make bin/ringfence, portal included

bin/ringfence: web/dist/index.html $(GO_SOURCES)
	$(GO) build -o $@ ./cmd/ringfence

web/dist/index.html: web/node_modules/.stamp $(UI_SOURCES)
	cd web && npx vite build --logLevel warn
	@touch $@

web/node_modules/.stamp: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel error
	@touch $@

generate: ## write what is derived from the code: API description, its types, permission table, sample configuration
	$(GO) run ./cmd/ringfence generate
	cd web && npm run --silent types
	cd clients/go && $(GO) run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config codegen.yaml ../openapi-3.0.json

check: web/node_modules/.stamp ## formatting, vet, staticcheck, types, and no drift in what is generated
	@out=$$($(GO) tool gofumpt -l cmd internal demo web/*.go); test -z "$$out" || { echo "not formatted:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags bench ./internal/edge/httpapi ./internal/archive/recording
	$(MAKE) --no-print-directory windows
	$(GO) tool staticcheck -checks 'all,-ST1000,-ST1003,-ST1016,-ST1020,-ST1021,-ST1022,-S1016' ./...
	cd web && npm run --silent typecheck
	$(MAKE) --no-print-directory generate
	git diff --exit-code --stat -- openapi.yaml docs ringfence.sample.yaml clients

# The browser mostly waits and the Go tests mostly work: side by side they take
# the time of the longer. The browser's turn comes first, as people's would.
test: ## every test: unit, both databases, object stores, browser
	@$(MAKE) --no-print-directory -j3 tools-test build compile
	@$(MAKE) --no-print-directory -j2 test-go test-rest

# While tools are fetched and the portal is bundled, a core has nothing to do.
.PHONY: compile
compile:
	nice $(GO) build ./internal/platform/... ./internal/insight/... ./internal/archive/... ./internal/tenancy/... ./internal/trust/...

ON_WINDOWS = ./internal/base/disk ./internal/platform/service ./internal/archive/field ./cmd/ringfence-collector
.PHONY: windows
windows: ## compile and vet what runs on Windows: dist/ringfence-collector.exe (not run here: docs/collector.md); every test run checks its types
	@mkdir -p dist
	GOOS=windows GOARCH=amd64 $(GO) build -ldflags=-w -o dist/ringfence-collector.exe ./cmd/ringfence-collector
	GOOS=windows GOARCH=amd64 $(GO) vet $(ON_WINDOWS)

# Without vet, which is make check's: on a fresh machine it reads all that is compiled
# once more. What takes longest begins first; five at once, as some wait for disks
# and clocks. So nice that the speech engine of the demo in the browser's tests,
# nicer than its server, comes first too.
LONGEST = ./internal/app/... ./internal/edge/httpapi ./internal/archive/... ./internal/insight/speech
test-go:
	nice -n 15 $(GO) test -vet=off -p 5 -timeout 15m -ldflags=-w $(LONGEST) ./...

.PHONY: test-rest
test-rest:
	@for part in test-web test-browser test-packages; do $(MAKE) --no-print-directory $$part || exit; done

test-web: web/node_modules/.stamp
	cd web && npm run --silent typecheck && npm run --silent test

test-packages: tools-test
	cd packaging && $(GO) vet . && $(GO) test .

packages: web/dist/index.html ## .deb and .rpm of server and collector, amd64 and arm64, into dist/
	@scripts/packages

soak: build tools-test ## what takes longer than a test may: a day of calls, the whole life of an installation
	@scripts/soak

test-browser: build tools-test
	cd web && npm run --silent e2e

race: tools-test ## the Go tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -timeout 40m ./...

mutants: ## take each guard between customers and roles away in turn: a test must fail (minutes)
	$(GO) test -timeout 40m ./internal/house -run TestMutants -mutants

FUZZ_FOR ?= 1m
fuzz: ## every fuzz target, FUZZ_FOR each (default 1m)
	@scripts/fuzz $(FUZZ_FOR)

bench: build tools-test ## the figures of docs/benchmarks.md, as ratios to a bound of the same run
	@scripts/bench

test-peers: ; @scripts/install-test-peers

.PHONY: tools-run tools-test
tools-run: ; @scripts/install speech sound
tools-test: ; @scripts/install speech sound postgres browser pdf peers packages && scripts/install-test-peers
