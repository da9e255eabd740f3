#!/bin/sh
# left-out.sh COMMAND…: runs it, and prints the tests that were skipped without a large corpus, and how to get one.
set -u
TRAPLINE_LEFT_OUT=$(mktemp) || exit 1
export TRAPLINE_LEFT_OUT
trap 'rm -f "$TRAPLINE_LEFT_OUT"' EXIT
"$@"
status=$?
if [ -s "$TRAPLINE_LEFT_OUT" ]; then
	echo
	echo "Left out, because these large corpora are missing. Those ending in /large ran on our own, smaller corpus (/own):"
	sort -u "$TRAPLINE_LEFT_OUT" | awk -F '\t' '$1 != last {print "  " $1; last = $1} {print "    " $2}'
	echo "TRAPLINE_CORPORA=DIRECTORY says where they are; internal/corpus/README.md says what they have and how to make them."
fi
exit $status
