#!/bin/bash
# alarms.sh TAGS: the alarms that the rules for devices of all vendors raise in the first poll of the large corpus. Nearly
# all of these devices are healthy. Prints the alarms, and exits with 1 if there are more than devices report themselves:
# a profile or a rule is mistaken then.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/recordings.sh "$1"
python3 scripts/alarms.py --recordings "$work/recordings" --trapline "$work/trapline" \
	--rules rules/hardware.yml rules/host.yml rules/printer.yml --max 115
