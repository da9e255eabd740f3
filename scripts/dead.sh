#!/bin/bash
# Polls responding devices together with many more that never respond, with the default settings, from a cold start:
#   dead.sh [SECONDS [LIVE [SILENT [FLOCK]]]]
# The devices of the flock, if any, respond too, except from the second to the fourth minute.
# Exits with 1 if a poll of a responding device started more than a second late or was skipped, or such a device
# was not polled.
set -euo pipefail
seconds=${1:-300} live=${2:-2000} silent=${3:-18000} flock=${4:-0}
cd "$(dirname "$0")/.."
. scripts/processes.sh

has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }

simulate() { # KIND DEVICE COUNT FIRST-ADDRESS [FLAG...]: starts them and writes their targets
	local kind=$1 device=$2 count=$3 first=$4
	shift 4
	[ "$count" -gt 0 ] || return 0
	"$dir/trapline" simulate --device "$device=$count" --listen "$first" "$@" >"$dir/$kind" &
	pids+=($!)
	await $! has_lines "$dir/$kind" "$count"
	awk -v kind="$kind" '{ printf "- {name: %s-%d, address: \"%s\", modules: [system, if_mib], labels: {kind: %s}}\n", kind, NR, $1, kind }' "$dir/$kind" >>"$dir/all"
}
simulate live switch "$live" 127.64.0.1:16264
# Datagrams to these are received by a socket, so that no ICMP error is returned, and are not answered.
simulate silent ups "$silent" 127.65.0.1:16265 --dead
simulate flock switch "$flock" 127.66.0.1:16266
flocks=${pids[-1]}
{
	echo 'targets:'
	shuf "$dir/all"
} >"$dir/targets.yml"

port=19264
"$dir/trapline" serve --log.level=error --no-web.targets --web.listen-address="127.0.0.1:$port" --config.file=snmp.yml --config.file="$dir/targets.yml" &
server=$!
pids+=("$server")
await "$server" curl -sfo /dev/null "127.0.0.1:$port/-/ready"

printf '%7s %8s %11s %11s %8s %10s %6s %7s\n' seconds 'live up' 'late polls' 'most late' 'flock up' goroutines cores 'RSS MB'
start=$SECONDS
status=1
while [ $((SECONDS - start)) -lt "$seconds" ]; do
	sleep $((seconds < 30 ? seconds : 30))
	case $((flock > 0 ? (SECONDS - start + 1) / 60 : -1)) in
	1 | 2) kill -STOP "$flocks" ;;
	3) kill -CONT "$flocks" ;;
	esac
	curl -sf "127.0.0.1:$port/metrics" >"$dir/metrics"
	rss=$(awk '/^VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$server/status")
	awk -v s=$((SECONDS - start)) -v live="$live" -v rss="$rss" '
		/^go_goroutines / { goroutines = $2 }
		/^process_cpu_seconds_total / { spent = $2 }
		/^trapline_target_up.*kind="live"/ { up += $NF }
		/^trapline_target_up.*kind="flock"/ { flock += $NF }
		/^trapline_target_late_passes_total.*kind="live"/ { late += $NF }
		/^trapline_target_missed_passes_total.*kind="live"/ { missed += $NF }
		/^trapline_target_pass_delay_seconds.*kind="live"/ { if ($NF > most) most = $NF }
		/^trapline_target_pass_duration_seconds.*kind="live"/ { if ($NF > longest) longest = $NF }
		/^trapline_target_passes_total.*kind="live"/ { n++; if (min == "" || $NF < min) min = $NF; if ($NF > max) max = $NF }
		END {
			printf "%7d %8d %11d %11.3f %8d %10d %6.2f %7d\n", s, up, late, most, flock, goroutines, spent / s, rss
			printf "live: %d up of %d, %d to %d polls each, %d missed, %d more than 1 s late; the last took up to %.3f s\n", up, live, min, max, missed, late, longest >"'"$dir/verdict"'"
			exit !(late + missed == 0 && (s < 120 || up == live))
		}' "$dir/metrics" && status=0 || status=1
done
cat "$dir/verdict"
exit $status
