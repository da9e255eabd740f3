#!/bin/bash
# Polls many simulated switches and prints the results:
#   fleet.sh [SECONDS [HEALTHY [LOSSY [DEAD [INTERVAL]]]]]     e.g. fleet.sh 240 10000 0 0 60
# Trapline and the simulators share two cores. Exits with 1 if a poll of a healthy switch was skipped or incomplete,
# or a poll started more than a second late.
set -euo pipefail
seconds=${1:-600} healthy=${2:-800} lossy=${3:-100} dead=${4:-100} interval=${5:-30}
cd "$(dirname "$0")/.."
. scripts/processes.sh
taskset -cp 0,1 $$ >/dev/null

has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }

simulators=()
simulate() { # NAME COUNT FIRST-DEVICE [FLAG...]: starts them and writes their targets
	local name=$1 count=$2 first=$3
	shift 3
	[ "$count" -gt 0 ] || return 0
	"$dir/trapline" simulate --device "switch=$count" --listen "$first" "$@" >"$dir/$name" &
	pids+=($!) simulators+=($!)
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
megabytes() { # PID...: resident memory
	for pid; do grep ^VmRSS "/proc/$pid/status"; done | awk '{ n += $2 } END { printf "%.0f", n / 1024 }'
}
ticks() { # PID...: processor time
	for pid; do cat "/proc/$pid/stat"; done | awk '{ n += $14 + $15 } END { print n + 0 }'
}
# CPU time and memory are those of Trapline and, after the slash, those of the simulators.
printf '%7s %10s %13s %13s %12s\n' seconds goroutines cores 'RSS MB' varbinds/s
start=$SECONDS varbinds=0 spent=$(ticks "$server") simulated=$(ticks "${simulators[@]}")
while [ $((SECONDS - start)) -lt "$seconds" ]; do
	sleep $((interval < seconds ? interval : seconds))
	now=$(ticks "$server") others=$(ticks "${simulators[@]}")
	# With --no-web.targets, because writing the series of all targets would be measured too.
	curl -sf "127.0.0.1:$port/metrics" >"$dir/metrics"
	sum=$(awk '/^trapline_target_varbinds_total/ { n += $NF } END { printf "%.0f", n }' "$dir/metrics")
	awk -v s=$((SECONDS - start)) -v g="$(metric go_goroutines)" -v i="$interval" -v hz="$(getconf CLK_TCK)" \
		-v own=$((now - spent)) -v sim=$((others - simulated)) -v rss="$(megabytes "$server")" -v sims="$(megabytes "${simulators[@]}")" -v n=$((sum - varbinds)) \
		'BEGIN { printf "%7d %10.0f %6.2f/%6.2f %6d/%6d %12.0f\n", s, g, own / hz / i, sim / hz / i, rss, sims, n / i }'
	spent=$now simulated=$others varbinds=$sum
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
		printf "healthy: %d up of %d, %d to %d polls each, %d missed, %d incomplete tables\n", up, healthy, min, max, missed, incomplete
		printf "lossy: %d up; lossy and dead: %d polls left out because the one before still ran\n", lossy, others
		printf "polls of all: %d began, %d more than 0.1 s late, %d more than 1 s late\n", all, all - soon, all - in_time
		exit !(up == healthy && missed == 0 && incomplete == 0 && all == in_time)
	}' "$dir/metrics"
