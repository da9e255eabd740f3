#!/bin/bash
# Polls many simulated switches and prints how it went: fleet.sh [SECONDS [HEALTHY [LOSSY [DEAD]]]]
# Ends with 1 when a healthy switch missed a pass, or a pass began more than a second late.
set -euo pipefail
seconds=${1:-600} healthy=${2:-800} lossy=${3:-100} dead=${4:-100}
interval=30
cd "$(dirname "$0")/.."
. scripts/processes.sh

has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }

simulate() { # NAME COUNT FIRST-DEVICE [FLAG...]: starts them and writes their targets
	local name=$1 count=$2 first=$3
	shift 3
	"$dir/trapline" simulate --device "switch=$count" --listen "$first" "$@" >"$dir/$name" &
	pids+=($!)
	await $! has_lines "$dir/$name" "$count"
	awk -v name="$name" '{ printf "- {name: %s-%d, address: \"%s\", modules: [system, if_mib], labels: {kind: %s}}\n", name, NR, $1, name }' "$dir/$name" >>"$dir/targets.yml"
}
cat >"$dir/targets.yml" <<EOF
global: {interval: ${interval}s, timeout: 1s, retries: 3}
targets:
EOF
simulate healthy "$healthy" 127.81.0.1:16161
simulate lossy "$lossy" 127.82.0.1:16162 --loss 0.05
simulate dead "$dead" 127.83.0.1:16163 --dead

port=19116
"$dir/trapline" serve --log.level=error --no-web.targets --web.listen-address="127.0.0.1:$port" --config.file=snmp.yml --config.file="$dir/targets.yml" &
server=$!
pids+=("$server")
await "$server" curl -sfo /dev/null "127.0.0.1:$port/-/ready"

metric() { awk -v m="$1" 'index($0, m" ") == 1 { print $2 }' "$dir/metrics"; }
rss() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$server/status"; }
printf '%8s %12s %8s %10s %12s\n' seconds goroutines 'RSS MB' 'CPU s' varbinds
start=$SECONDS
while [ $((SECONDS - start)) -lt "$seconds" ]; do
	sleep $((interval < seconds ? interval : seconds))
	# With --no-web.targets, since to write out the series of all targets would be measured too.
	curl -sf "127.0.0.1:$port/metrics" >"$dir/metrics"
	varbinds=$(awk '/^trapline_target_varbinds_total/ { n += $NF } END { printf "%.0f", n }' "$dir/metrics")
	printf '%8d %12.0f %8s %10.1f %12s\n' $((SECONDS - start)) "$(metric go_goroutines)" "$(rss)" "$(metric process_cpu_seconds_total)" "$varbinds"
done
awk -v healthy="$healthy" '
	/^trapline_target_passes_total/ && /kind="healthy"/ { n++; if (min == "" || $NF < min) min = $NF; if ($NF > max) max = $NF }
	/^trapline_target_missed_passes_total/ { if (/kind="healthy"/) missed += $NF; else others += $NF }
	/^trapline_target_up/ && /kind="healthy"/ { up += $NF }
	/^trapline_target_up/ && /kind="lossy"/ { lossy += $NF }
	/^trapline_target_incomplete/ && /kind="healthy"/ { incomplete++ }
	/^trapline_pass_delay_seconds_bucket.le="0.1"/ { soon = $NF }
	/^trapline_pass_delay_seconds_bucket.le="1"/ { in_time = $NF }
	/^trapline_pass_delay_seconds_count/ { all = $NF }
	END {
		printf "healthy: %d up of %d, %d to %d passes each, %d missed, %d incomplete tables\n", up, healthy, min, max, missed, incomplete
		printf "lossy: %d up; lossy and dead: %d passes left out because the one before still ran\n", lossy, others
		printf "passes of all: %d began, %d more than 0.1 s late, %d more than 1 s late\n", all, all - soon, all - in_time
		exit !(up == healthy && missed == 0 && incomplete == 0 && all == in_time)
	}' "$dir/metrics"
