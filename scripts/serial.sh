#!/bin/bash
# Walks a table of 1,000 rows and 30 columns of devices that process requests sequentially, and prints the duration
# of the first polls relative to the device's own processing time.
# Exits with 1 if a poll is incomplete, or if a poll after the first takes more than 1.15 times the device's
# processing time or retransmits more than 2 % of its packets.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/processes.sh
rows=1000 columns=30 port=19220
{
	echo 'auths: {public_v2: {version: 2, community: public}}'
	echo 'modules: {table: {walk: ['
	for i in $(seq 2 21); do echo "1.3.6.1.2.1.2.2.1.$i,"; done    # ifTable from ifDescr on
	for i in $(seq 1 10); do echo "1.3.6.1.2.1.31.1.1.1.$i,"; done # ifXTable
	echo '], metrics: ['
	for oid in 2.2.1 31.1.1.1; do
		echo "{name: column_${oid//./_}, help: A column., type: gauge, oid: 1.3.6.1.2.1.$oid,"
		echo "indexes: [{labelname: column, type: gauge}, {labelname: row, type: gauge}]},"
	done
	echo ']}}'
	echo 'targets:'
} >"$dir/config.yml"

declare -A micros
simulate() { # NAME MICROSECONDS-A-VARBIND FLAG-OF-SIMULATE...
	local name=$1
	micros[$name]=$2
	port=$((port + 1))
	"$dir/trapline" simulate --device chassis --listen "127.92.0.2:$port" --per-varbind "${2}us" "${@:3}" >"$dir/device" &
	pids+=($!)
	await $! grep -q answers "$dir/device"
	echo "- {name: $name, address: \"127.92.0.2:$port\", modules: [table], interval: 24h}" >>"$dir/config.yml"
}
simulate far 50 --latency 20ms
simulate far-queue10 50 --latency 20ms --queue 10
simulate slow-queue4 200 --latency 1ms --queue 4

"$dir/trapline" serve --log.level=error --web.listen-address="127.0.0.1:$port" --config.file="$dir/config.yml" &
pids+=($!)
server=$!
await "$server" curl -sfo /dev/null "127.0.0.1:$port/-/ready"

report() { # NAME PASS STATUS: reports the pass in $dir/answer
	awk -v name="$1" -v pass="$2" -v all=$((rows * columns)) -v floor="$((rows * columns * micros[$1]))e-6" '
		/^snmp_scrape_duration_seconds/ { wall += $2 }
		/^snmp_scrape_packets_sent/ { packets += $2 }
		/^snmp_scrape_packets_retried/ { retried += $2 }
		/^column_/ { n++ }
		END {
			printf "%-12s %5d %7.2f %7.3f %7.3f %8d %7.1f%% %7d\n", name, pass, floor, wall, wall / floor, packets, packets ? 100 * retried / packets : 0, all - n
			exit !(n == all && (pass == 1 || (wall <= 1.15 * floor && retried <= 0.02 * packets)))
		}' "$dir/answer" && return
	failed=1
	[ "$3" = 200 ] || head -n 5 "$dir/answer"
}
failed=0
printf '%-12s %5s %7s %7s %7s %8s %8s %7s\n' device pass floor wall ratio packets again missing
for name in far far-queue10 slow-queue4; do
	await "$server" curl -sfo "$dir/answer" "127.0.0.1:$port/targets/$name/metrics"
	report "$name" 1 200
	for pass in 2 3 4; do
		report "$name" "$pass" "$(curl -s -o "$dir/answer" -w '%{http_code}' "127.0.0.1:$port/snmp?target=$name&module=table")"
	done
done
exit $failed
