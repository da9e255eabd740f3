#!/bin/sh
# neighbours.sh finds the devices of a simulated campus of 500 from one seed, by LLDP, CDP and ARP, with a process that is
# killed twice, and prints the figures: time, devices found, addresses that were sent a packet, wrong logins.
set -eu
cd "$(dirname "$0")/.."
TRAPLINE_NEIGHBOURS=full nice go test -tags gosnmp_nodebug -count=1 -timeout 10m -run TestNeighboursOfACampus -v ./cmd/trapline
