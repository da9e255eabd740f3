#!/bin/bash
# coverage.sh TAGS: polls the recordings of the large corpus of devices by the module auto, and compares with what is
# expected of them. Exits with 1 if less than 95 % of the items are read, or less than 92 % of the values are right.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/recordings.sh "$1"
python3 "$corpus/coverage.py" --recordings "$work/recordings" --expected "$work/expected" --trapline "$work/trapline" \
	--min-read 95 --min-value 92
