#!/bin/bash
# jump.sh TAGS: the tests that set the wall clock, with a package time whose Now is ahead by time.Jump seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=$(go env GOROOT)/src/time/time.go
awk '{print} /^\tsec, nsec, mono := runtimeNow\(\)$/ && !done {print "\tif mono == 0 { mono = runtimeNano() } // within a bubble of synctest\n\tsec += Jump"; done=1} END {print "\n// Jump is by how many seconds the wall clock is ahead.\nvar Jump int64"; exit !done}' "$source" >"$work/time.go"
echo "{\"Replace\": {\"$source\": \"$work/time.go\"}}" >"$work/overlay.json"
go test -vet=off -count=1 -overlay "$work/overlay.json" -tags "$1,jump" -run 'Jump' ./internal/poller ./internal/app
