#!/bin/sh
# run.sh [FLAG...] builds trapline with those flags of go build, shows the progress, and runs its demo. The program
# stays in this directory, as with make build.
set -eu
cd "$(dirname "$0")/.."
command -v go >/dev/null || { echo "make run needs Go: see https://go.dev/dl/" >&2; exit 1; }
echo "Building Trapline (first time 2-4 minutes, then 1 s)" >&2
export CGO_ENABLED=0

stale=$(go list -deps -f '{{if .Stale}}x{{end}}' "$@" ./cmd/trapline 2>/dev/null | grep -c x) || stale=0
terminal=0
test ! -t 2 || terminal=1

# go build -v prints the name of each package that it compiles, and errors.
show='
/^[^ #:]+$/ {
	n++
	if (n > total) total = n
	if (terminal) printf "\rcompiling %d of %d ", n, total
	else if (int(10 * n / total) > tenth) { tenth = int(10 * n / total); printf "compiling %d of %d\n", n, total }
	fflush()
	next
}
{ if (terminal) printf "\r\033[K"; print; fflush() }
END { if (terminal && n) printf "\r\033[K" }'
status=$({ { go build -v -o trapline "$@" ./cmd/trapline 2>&1 && echo 0 >&3 || echo 1 >&3; } | awk -v total="$stale" -v terminal=$terminal "$show" >&2; } 3>&1)
test "$status" = 0 || exit 1
exec ./trapline demo
