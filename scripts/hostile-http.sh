#!/bin/bash
# Attacks one `trapline serve` over HTTP while it polls healthy devices and an endless one, and prints the results of both:
#   hostile-http.sh [SECONDS [HEALTHY [DEAD [READERS]]]]     e.g. hostile-http.sh 60 100 5000 200
# Exits with 1 if the server used more than 512 MB of memory or exited, a poll of a healthy device was skipped or
# incomplete, more than 1 % of them started more than a second late, or /-/healthy was not answered within 2 s.
set -euo pipefail
seconds=${1:-60} healthy=${2:-100} dead=${3:-5000} readers=${4:-200} limit=512
cd "$(dirname "$0")/.."
. scripts/processes.sh

has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }
simulate() { # NAME COUNT FLAG...
	local name=$1 count=$2
	shift 2
	"$dir/trapline" simulate "$@" >"$dir/$name" &
	pids+=($!)
	await $! has_lines "$dir/$name" "$count"
}
simulate healthy "$healthy" --device "switch=$healthy" --listen 127.0.43.11:43161
simulate chassis 1 --device chassis --listen 127.0.43.2:43162
simulate dead "$dead" --device "ups=$dead" --listen 127.43.0.1:43163 --dead
python3 scripts/endless_agent.py 127.0.43.3 43164 >"$dir/endless" &
pids+=($!)
await $! has_lines "$dir/endless" 1
{
	printf 'global: {interval: 5s, timeout: 1s, retries: 3}\nstate_dir: %s/state\nrule_files: [rules.yml]\n' "$dir"
	printf 'receivers: [{name: nms, type: webhook, url: "http://127.0.43.1:9/"}]\ntargets:\n'
	printf -- '- {name: endless, address: "127.0.43.3:43164", modules: [if_mib]}\n'
	awk '{ printf "- {name: healthy-%d, address: \"%s\", modules: [system, if_mib]}\n", NR, $1 }' "$dir/healthy"
} >"$dir/targets.yml"
cat >"$dir/rules.yml" <<'RULES'
groups:
- name: g
  rules:
  - {alert: Slow, expr: "rate(ifHCInOctets[10m]) < -1"}
RULES

address=127.0.43.1:43080
# GOMEMLIMIT makes the garbage collector respect the memory limit.
GOMEMLIMIT=400MiB "$dir/trapline" serve --log.level=error --no-web.targets --web.enable-query --web.listen-address="$address" \
	--config.file=snmp.yml --config.file="$dir/targets.yml" &
server=$!
pids+=("$server")
await "$server" curl -sfo /dev/null "$address/-/ready"
sleep 10 # so that every device has been met

failed=0
python3 scripts/hostile_http.py "$address" "$seconds" "$readers" 127.0.43.2:43162 "$dir/dead" "$dir/healthy" &
clients=$!
pids+=("$clients")
while kill -0 "$clients" 2>/dev/null; do
	curl -so /dev/null -m 10 -w '%{http_code} %{time_total}\n' "$address/-/healthy" >>"$dir/health" || true
	sleep 0.5
done
wait "$clients" || failed=1
awk '{ if ($2 > slowest) slowest = $2; if ($1 != 200) bad++ } END {
	printf "/-/healthy: %d answers, %d of them not 200, the slowest after %.2f s\n", NR, bad, slowest
	exit !(NR > 0 && !bad && slowest < 2)
}' "$dir/health" || failed=1
kill -0 "$server" 2>/dev/null || { echo "the server has ended"; exit 1; }
curl -sf "$address/metrics" >"$dir/metrics"
peak=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$server/status")
echo "peak of memory: $peak MB of $limit"
[ "$peak" -le "$limit" ] || failed=1
grep -E '^trapline_http_(refused_total|cut_total|connections|held_bytes)' "$dir/metrics"
awk -v healthy="$healthy" '
	/^trapline_target_incomplete.target="endless".*too_many/ { tables++ }
	/^trapline_target_varbinds_total.target="endless"/ { endless = $NF }
	!/target="healthy/ && /^trapline_target/ { next }
	/^trapline_target_passes_total/ { if (min == "" || $NF < min) min = $NF; if ($NF > max) max = $NF }
	/^trapline_target_missed_passes_total/ { missed += $NF }
	/^trapline_target_up/ { up += $NF }
	/^trapline_target_incomplete/ { incomplete++ }
	/^trapline_pass_delay_seconds_bucket.le="1"/ { in_time = $NF }
	/^trapline_pass_delay_seconds_count/ { all = $NF }
	END {
		printf "endless: %d variable bindings arrived, %d tables were cut\n", endless, tables
		printf "healthy: %d up of %d, %d to %d polls each, %d missed, %d incomplete tables, %d of %d polls more than 1 s late\n", up, healthy, min, max, missed, incomplete, all - in_time, all
		exit !(up == healthy && missed == 0 && incomplete == 0 && all - in_time <= all / 100)
	}' "$dir/metrics" || failed=1
exit $failed
