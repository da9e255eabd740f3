#!/bin/bash
# Prints the duration of the first /snmp requests for a simulated device with latency:
# latency.sh DEVICE LATENCY [FLAG-OF-SIMULATE...]     e.g. latency.sh chassis 20ms --loss 0.02
# With ENGINE=gosnmp the columns are walked sequentially.
set -euo pipefail
device=$1 latency=$2
shift 2
cd "$(dirname "$0")/.."
. scripts/processes.sh
"$dir/trapline" simulate --device "$device" --listen 127.92.0.1:17192 --latency "$latency" "$@" >"$dir/devices" &
pids+=($!)
await $! grep -q answers "$dir/devices"
printf 'targets: [{name: far, address: "127.92.0.1:17192", interval: 24h, engine: "%s"}]\n' "${ENGINE:-}" >"$dir/targets.yml"
"$dir/trapline" serve --log.level=error --web.listen-address=127.0.0.1:19219 --config.file=snmp.yml --config.file="$dir/targets.yml" &
pids+=($!)
await $! curl -sfo /dev/null 127.0.0.1:19219/-/ready
await $! curl -sfo /dev/null 127.0.0.1:19219/targets/far/metrics
first=$(curl -sf 127.0.0.1:19219/targets/far/metrics | awk '/^snmp_scrape_duration_seconds/ { print $2 }')
echo "first pass: $first s"
for pass in 2 3 4; do
	curl -s -o "$dir/answer" -w "pass $pass: status %{http_code}, %{time_total} s, " '127.0.0.1:19219/snmp?target=far&module=if_mib'
	awk '/^snmp_scrape_packets_sent/ { packets = $2 } /^snmp_scrape_packets_retried/ { retried = $2 } /^if/ { n++ }
		END { printf "%d series, %d packets, %d of them again\n", n, packets, retried }' "$dir/answer"
done
