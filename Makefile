# gosnmp's debug logging costs half of its decoding time even when it is off: this tag leaves it out.
TAGS := gosnmp_nodebug
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -s -w -X github.com/prometheus/common/version.Version=$(VERSION)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# COMPUTING are packages whose tests compute on one goroutine, or start processes: the race detector would find nothing
# there, and take several times as long. "make soak" has it look at all packages.
COMPUTING := mibs|mibs/smi|profiles/build|config|cmd/trapline/tools|internal/(alarm|anonymize|archive|catalog|cause|clocks|cluster|cluster/bars|cluster/fence|cluster/plan|journal|measure|modules|mute|neighbours|replay|topology|transfer)

.PHONY: help run test tests tests-raced tests-plain soak cluster-test build bench bench-compare lint fuzz image docs release release-check package-check vendor

# help lists these targets.
help:
	@awk -f scripts/help.awk $(MAKEFILE_LIST)

# run shows Trapline at work: simulated devices, polled and served on http://localhost:9116/.
run:
	@scripts/run.sh -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# build leaves the binary in this directory.
build:
	CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o trapline ./cmd/trapline

# test runs all tests, and installs the programs they run against where it may. Of the laws of passes, most trials are
# made without the race detector. go vet looks at all packages before, and so go test does not (-vet=off). What is left out
# for want of a large corpus is printed at the end.
test:
	scripts/peers.sh
	scripts/left-out.sh $(MAKE) --no-print-directory tests

# Many tests wait: four packages are tested at a time also on two processors, those first that take longest.
tests:
	go vet -tags $(TAGS) ./...
	$(MAKE) --no-print-directory -j 2 tests-raced tests-plain

tests-raced:
	scripts/jump.sh -vet=off -race -p 3 -tags $(TAGS),jump -timeout 20m $$(go list ./cmd/trapline ./internal/outbox ./internal/client ./internal/web ./internal/discovery ./internal/scan ./... | grep -vxE 'trapline/($(COMPUTING))')
	scripts/jump.sh -vet=off -race -tags $(TAGS),jump -run SearchesWhile ./internal/journal

tests-plain:
	go test -vet=off -p 1 -tags $(TAGS) $$(go list ./... | grep -xE 'trapline/($(COMPUTING))')
	go test -vet=off -count=1 -tags $(TAGS) -run Law ./internal/client
	TRAPLINE_ENGINE=gosnmp go test -vet=off -count=1 -tags $(TAGS) ./internal/client

# soak runs the tests of polls and of hostile agents for about ten minutes.
soak:
	scripts/soak.sh $(TAGS)
	go test -race -tags $(TAGS) -timeout 30m $$(go list ./... | grep -xE 'trapline/($(COMPUTING))')

# cluster-test runs the long tests of three members, one after the other, and holds their bars in seconds: for ten minutes
# those of three processes, and as root, with iproute2, nftables and strace, for an hour those of three hosts, of which
# TRAPLINE_BARS_TORTURE (30m) is the longest.
cluster-test:
	TRAPLINE_SOAK=1 go test -count=1 -tags $(TAGS) -parallel 1 -timeout 30m -v ./internal/cluster ./internal/cluster/fence
	TRAPLINE_SOAK=1 go test -count=1 -tags $(TAGS) -run TestCluster -timeout 30m -v ./cmd/trapline
	TRAPLINE_SOAK=1 go test -count=1 -tags $(TAGS) -timeout 150m -v ./internal/cluster/bars

# bench runs the benchmarks, and compares with gosnmp as others build it.
bench:
	go test -run '^$$' -bench . -benchmem -timeout 30m -tags $(TAGS) ./...
	go test -run '^$$' -bench 'CPU|Decode|Open/.*/.*/ratio' ./internal/client ./internal/snmp

# bench-compare compares the benchmarks of the hot paths with those of the commit BASE (main).
BASE ?= main
bench-compare:
	scripts/bench-compare.sh $(BASE)

# lint runs gofmt, go vet, and the linters of .golangci.yml, of which staticcheck is one.
lint:
	test -z "$$(gofmt -l .)" || { gofmt -d . ; exit 1; }
	go vet -tags $(TAGS) ./...
	go run $(GOLANGCI) run ./...

# fuzz runs every fuzz target for FUZZTIME (30s).
FUZZTIME ?= 30s
fuzz:
	scripts/fuzz.sh $(FUZZTIME) $(TAGS)

# image builds the container image.
image:
	scripts/image.sh

# docs writes the generated documents and dashboards: docs/reference and dashboards/.
docs:
	go generate ./dashboards ./profiles
	go test -count=1 -tags $(TAGS) -run Reference ./config ./internal/httpapi ./internal/app ./cmd/trapline -update

# release builds archives, packages, an SBOM and SHA256SUMS in dist/.
release:
	scripts/release.sh dist

# release-check builds the release twice and compares the bytes.
release-check:
	scripts/release-check.sh

# vendor copies the third-party scripts of the pages, in the versions of internal/web/package-lock.json.
vendor:
	scripts/vendor.sh

# package-check installs the packages into a directory and runs what they installed.
package-check:
	scripts/package-check.sh
