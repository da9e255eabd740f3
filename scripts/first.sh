#!/bin/bash
# first.sh times what a newcomer types, with simulated devices: 200 rows of a spreadsheet until all are polled, init until the
# first metric, walk without a credential, and why a metric is missing:
#   first.sh [ROWS]     e.g. first.sh 200, which is the default
set -euo pipefail
rows=${1:-200}
cd "$(dirname "$0")/.."
. scripts/processes.sh
url=http://127.0.0.1:19167
"$dir/trapline" simulate --device "switch=$rows" --listen 127.67.0.1:16167 >"$dir/devices" &
pids+=($!)
has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }
await $! has_lines "$dir/devices" "$rows"
cd "$dir"

# timed TEXT COMMAND...: how long the command takes, which must succeed.
timed() {
	local text=$1 begin
	shift
	begin=$(date +%s%N)
	"$@" >"$dir/out" 2>&1 || { cat "$dir/out"; exit 1; }
	printf '%6d ms  %s\n' $((($(date +%s%N) - begin) / 1000000)) "$text"
}
serve() { # FILE: until it answers
	./trapline --config.file="$1" --web.listen-address="${url#http://}" 2>"$dir/log" &
	server=$!
	pids+=("$server")
	await "$server" curl -sfo "$dir/answer" "$url/-/ready"
}
polled() { curl -sf "$url/metrics" | awk -v want="$1" '/^trapline_target_up/ { n += $NF } END { exit n != want }'; }
first_metric() {
	./trapline init --output=first.yml 127.67.0.1:16167
	serve first.yml
	await "$server" polled 1
	curl -sfo answer "$url/metrics"
	grep -q '^ifHCInOctets' answer
}
spreadsheet() {
	serve devices.yml
	await "$server" polled "$rows"
}
stop() { kill "$server" && wait "$server" || true; }

timed "init until the first metrics of a device" first_metric
stop
awk -v rows="$rows" 'BEGIN { print "name,address,site"; for (i = 1; i <= rows; i++) printf "sw-%d,127.67.%d.%d:16167,berlin\n", i, int(i / 256), i % 256 }' >devices.csv
cat >devices.yml <<END
state_dir: $dir/state
discovery: [{name: inventory, csv: {files: [devices.csv]}}]
assign: [{set: {auth: public_v2, modules: [auto]}}]
END
timed "check of a spreadsheet with $rows rows" ./trapline check devices.yml
timed "from the start until all $rows of the spreadsheet are polled" spreadsheet
timed "walk of a target, without an address or a credential" ./trapline walk --config.file=devices.yml sw-7 ifTable
timed "why a metric is missing" sh -c "./trapline why --url=$url sw-7 upsEstimatedMinutesRemaining; [ \$? = 1 ]" # which says that it is
cat out
