#!/bin/bash
# Builds the release twice, the second time in another directory and with an empty build cache, and compares the bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/release.sh dist
work=$(mktemp -d)
trap 'git worktree remove --force "$work/again" 2>/dev/null; rm -rf "$work"' EXIT
git worktree add -q --detach "$work/again" HEAD
(cd "$work/again" && GOCACHE="$work/cache" scripts/release.sh "$work/dist")
diff dist/SHA256SUMS "$work/dist/SHA256SUMS"
echo "both builds are equal"
