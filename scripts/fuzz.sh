#!/bin/sh
# Runs every fuzz target for a time: fuzz.sh 30s TAGS
set -eu
grep -rl --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file"); do
		echo "$target in $(dirname "$file")"
		go test -tags "$2" -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$(dirname "$file")"
	done
done
