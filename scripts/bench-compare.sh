#!/usr/bin/env bash
# Compares the benchmarks of the hot paths with those of another commit: bench-compare.sh [COMMIT [COUNT [PATTERN]]]
# Binaries of both sides take turns, so that both meet the same machine. Packages may have other names on the two sides.
set -euo pipefail
base=${1:-main} count=${2:-6}
tags=gosnmp_nodebug
hot="^Benchmark(${3:-Decode|Open|Seal|GetBulk|CPU|Conversion|Measures|Exposition|ConversionAndExposition|Switch|Drain|Enqueue|Session})\$"
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
finish() {
	git worktree remove --force "$dir/base" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
git worktree add -q --detach "$dir/base" "$base"

build() { # SIDE DIRECTORY: compiles the tests of each package that has one of the benchmarks
	(
		cd "$2"
		grep -rlE "^func ${hot:1:-1}\(" --include=*_test.go . | xargs -n1 dirname | sort -u | while read -r package; do
			go test -c -tags "$tags" -o "$dir/$1${package//\//_}.test" "$package"
			echo "$package" >"$dir/$1${package//\//_}.package"
		done
	)
}
build old "$dir/base"
build new "$PWD"

for ((i = 1; i <= count; i++)); do
	for side in old new; do
		root=$PWD
		test "$side" = new || root=$dir/base
		for binary in "$dir/$side"*.test; do
			(cd "$root/$(cat "${binary%.test}.package")" && "$binary" -test.run '^$' -test.bench "$hot" -test.benchmem -test.benchtime 0.5s) >>"$dir/$side.txt"
		done
	done
	echo "run $i of $count" >&2
done
go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da -ignore pkg "$dir/old.txt" "$dir/new.txt"
