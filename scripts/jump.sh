#!/bin/bash
# jump.sh FLAGS…: go test with a package time whose wall clock tests can set, and the tests that do (tag jump). A build of
# its own would compile the standard library and all that depends on it once more.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
time=$(go env GOROOT)/src/time
awk '{print} /^\tsec, nsec, mono := runtimeNow\(\)$/ && !done {print "\tif ahead := Jump.Load(); ahead != nil {\n\t\tsec += *ahead\n\t\tif mono == 0 {\n\t\t\tmono = runtimeNano()\n\t\t}\n\t}"; done=1} END {exit !done}' "$time/time.go" >"$work/time.go"
cat >"$work/jump.go" <<'END'
package time

import "sync/atomic"

// Jump is by how many seconds the wall clock is ahead. Unless it is nil, times within a bubble of testing/synctest have a
// monotonic reading, as those without.
var Jump atomic.Pointer[int64]
END
echo "{\"Replace\": {\"$time/time.go\": \"$work/time.go\", \"$time/jump.go\": \"$work/jump.go\"}}" >"$work/overlay.json"
go test -overlay "$work/overlay.json" "$@"
