#!/bin/sh
# Runs every fuzz target for a time: fuzz.sh 30s TAGS
# Limits the minimization of new inputs to a few tries; Go's default is a minute for each.
set -eu
grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file"); do
		echo "$target in $(dirname "$file")"
		go test -tags "$2" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 100x "$(dirname "$file")"
	done
done
