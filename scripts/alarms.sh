#!/bin/bash
# alarms.sh TAGS: the alarms that the rules for devices of all vendors raise in the first poll of the large corpus. Nearly
# all of these devices are healthy. Prints the alarms, and exits with 1 if there are more than devices report themselves:
# a profile or a rule is mistaken then.
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=${TRAPLINE_CORPORA:-../shared}/devices
if [ ! -e "$corpus/open.tar.gz" ]; then
	echo "SKIPPED: no $corpus/open.tar.gz"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$corpus/open.tar.gz" -C "$work"
go build -tags "$1" -o "$work/trapline" ./cmd/trapline
python3 scripts/alarms.py --recordings "$work/recordings" --trapline "$work/trapline" \
	--rules rules/hardware.yml rules/host.yml rules/printer.yml --max 115
