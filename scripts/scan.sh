#!/bin/sh
# scan.sh scans 65,536 addresses of loopback with 2,000 simulated devices by `trapline scan`, once as it is and once with two
# kills (KILLS says when, since each start), and prints the figures: time, memory, devices found, wrong logins they saw.
set -eu
cd "$(dirname "$0")/.."
for kills in "" "${KILLS:-21s 6s}"; do
	TRAPLINE_SCAN=full TRAPLINE_SCAN_KILLS="$kills" nice go test -tags gosnmp_nodebug -count=1 -timeout 10m -run TestScanThatIsKilled -v ./cmd/trapline
done
