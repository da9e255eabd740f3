#!/bin/bash
# Runs for about ten minutes the tests that `make test` runs for seconds: the law of polls for every available
# recording and thousands of random devices, hostile agents under the race detector, and state files damaged at 1,000
# places. soak.sh TAGS
# The race detector's shadow memory is twice the maximum size of the heap: the memory limit of the hostile run
# allows for it.
# LAW_TRIALS and HOSTILE_TIME change the duration. Exits with 1 if a test failed.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=$(mktemp -d)
trap 'rm -rf "$tests"' EXIT
failed=0
go test -tags "$1" -c -o "$tests/law" ./internal/client
go test -race -tags "$1" -c -o "$tests/hostile" ./internal/client
TRAPLINE_SOAK=1 go test -tags "$1" -count=1 -timeout 30m -run 'Damage|Kill' ./internal/statedir ./internal/outbox ./internal/rules || failed=1
go test -tags "$1" -count=1 -timeout 30m -run EveryCommandWithEveryArgument ./cmd/trapline || failed=1
TRAPLINE_SOAK=1 go test -tags "$1" -count=1 -timeout 30m -run 'PacketsOfAuto|LawOfRecorded|AreMeasured' ./cmd/trapline/tools ./internal/replay || failed=1
scripts/coverage.sh "$1" || failed=1
scripts/alarms.sh "$1" || failed=1
cd internal/client
TRAPLINE_TRIALS=${LAW_TRIALS:-1000} "$tests/law" -test.timeout 30m -test.run 'TestLawOf|TestTablesThatChange|TestLearnedWalks|TestHolesAre' || failed=1
GOMEMLIMIT=48MiB TRAPLINE_HOSTILE=${HOSTILE_TIME:-5m} "$tests/hostile" -test.v -test.timeout 30m -test.run TestHostileAgents || failed=1
exit $failed
