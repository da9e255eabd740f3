#!/bin/bash
# lists.sh polls simulated devices of a list of files of which one target of a hundred changes every ten seconds, and prints how
# late polls began without changes and with them, how soon new targets were polled, by stages, the memory, and the CPU time
# of a change, which says on a busy machine how long it would take on another one:
#   lists.sh [TARGETS [STEPS [INTERVAL [BASELINE]]]]     e.g. lists.sh 50000 30 300 60, which is the default
# TRAPLINE_QUIET is a file that is there while it measures. Trapline and the devices share the cores.
set -euo pipefail
targets=${1:-50000} steps=${2:-30} interval=${3:-300} baseline=${4:-60}
cd "$(dirname "$0")/.."
. scripts/processes.sh
quiet=${TRAPLINE_QUIET:-}
trap '[ -z "$quiet" ] || rm -f "$quiet"; finish' EXIT
share=$((targets / 100)) port=19166 every=10 settle=5

# list STEP: each step gives one of a hundred another label, and to each second of these another name.
list() {
	awk -v targets="$targets" -v share="$share" -v step="$1" 'BEGIN {
		printf "["
		for (i = 0; i < targets; i++) {
			at = int(i / share) + 1; if (at > step) at = 0
			printf "%s{\"targets\":[\"127.66.%d.%d:16166\"],\"labels\":{\"__trapline_name__\":\"t-%d%s\",\"step\":\"%d\"}}",
				i ? "," : "", int((i + 1) / 256), (i + 1) % 256, i, at && i % 2 ? "-" at : "", at
		}
		print "]"
	}' >"$dir/new"
	mv "$dir/new" "$dir/lists/list.json"
}
mkdir "$dir/lists" # of which each new file has the lists read
list 0
cat >"$dir/trapline.yml" <<END
state_dir: $dir/state
global: {interval: ${interval}s, timeout: 1s}
discovery: [{name: all, file_sd_configs: [{files: [$dir/lists/list.json]}]}]
assign: [{set: {modules: [system], auth: public_v2}}]
END
"$dir/trapline" simulate --device "ups=$targets" --listen 127.66.0.1:16166 >"$dir/devices" &
pids+=($!)
has_lines() { [ "$(wc -l <"$1")" = "$2" ]; }
await $! has_lines "$dir/devices" "$targets"
"$dir/trapline" serve --log.level=debug --no-web.targets --web.listen-address="127.0.0.1:$port" --config.file=snmp.yml --config.file="$dir/trapline.yml" ${LISTS_FLAGS:-} 2> >(grep --line-buffered -E 'level=(WARN|ERROR)|a list were read|of lists (are others|were taken over)' >"$dir/log") &
server=$!
pids+=("$server")
url=127.0.0.1:$port
await "$server" curl -sfo /dev/null "$url/-/ready"
megabytes() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$server/status"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# late SECONDS FIRST: how late the polls of the last seconds began of targets from a number on.
late() {
	curl -sf "$url/metrics" | awk -v seconds="$1" -v first="$2" '
		function name() { match($0, /target="[^"]*"/); return substr($0, RSTART + 8, RLENGTH - 9) }
		/^trapline_target_age_seconds/ { age[name()] = $NF }
		/^trapline_target_pass_delay_seconds/ { delay[name()] = $NF }
		END { for (n in age) if (age[n] < seconds && substr(n, 3) + 0 >= first) print delay[n] }' |
		sort -g | awk '{ d[NR] = $1 } END { printf "%d polls, late by %.1f ms (p50), %.1f ms (p99), %.1f ms (p99.9), %.1f ms at most\n", NR, all, d[int(NR*.5)+1]*1e3, d[int(NR*.99)+1]*1e3, d[int(NR*.999)+1]*1e3, d[NR]*1e3 }'
}
# stages BEGIN: how long after its beginning a change was read, computed, and taken over, which the log says.
stages() {
	for text in 'a list were read' 'of lists are others' 'of lists were taken over'; do
		{ grep "$text" "$dir/log" || true; } | grep -o 'time=[^ ]*' | cut -d= -f2 | date -f - +%s.%N | awk -v at="$1" '$1 > at { print $1 - at; exit }' >>"$dir/stage $text"
	done
}
# middle FILE: the median and the most of its numbers.
middle() { sort -g "$1" | awk '{ d[NR] = $1 } END { printf "%.2f s (p50), %.2f s at most", d[int(NR*.5)+1], d[NR] }'; }
# soon STEP BEGIN: how long after its beginning the new targets of a step answered first.
soon() {
	for ((i = ($1 - 1) * share; i < $1 * share; i++)); do
		[ $((i % 2)) = 0 ] || printf 'url = "%s/api/v1/targets/t-%d-%d"\n' "$url" "$i" "$1"
	done >"$dir/urls"
	curl -s --config "$dir/urls" | grep -o '"state":"up","since":"[^"]*' | cut -d'"' -f8 | date -f - +%s.%N | awk -v at="$2" '{ print $1 - at }' >>"$dir/soon" || true
}

echo "$targets targets, all polled first after $((targets * 5 / 1000)) s"
sleep $((targets * 5 / 1000 + interval / 4))
[ -z "$quiet" ] || touch "$quiet"
[ -z "$quiet" ] || sleep 5
cpu=$(ticks)
sleep "$baseline"
quietly=$(awk "BEGIN { print ($(ticks) - $cpu) / $baseline }")
echo "without changes: $(late "$baseline" 0); $(megabytes) MB, $((($(ticks) - cpu) * 100 / $(getconf CLK_TCK) / baseline)) % of a core"
sleep "$settle"
begun=$EPOCHREALTIME cpu=$(ticks)
for ((step = 1; step <= steps; step++)); do
	list "$step"
	at=$EPOCHREALTIME
	sleep 6
	soon "$step" "$at"
	stages "$at"
	[ $((step % 5)) != 1 ] && [ "$step" != "$steps" ] || memory="${memory:-} $(megabytes)"
	sleep "$(awk "BEGIN { left = $every - ($EPOCHREALTIME - $at); print (left > 0 ? left : 0) }")"
done
used=$(awk "BEGIN { print int($EPOCHREALTIME - $begun) }") spent=$(($(ticks) - cpu))
echo "with changes: $(late "$used" $((steps * share))); MB:$memory, $((spent * 100 / $(getconf CLK_TCK) / used)) % of a core"
sort -g "$dir/soon" | awk -v all=$((steps * (share / 2))) '{ d[NR] = $1 } END { printf "%d of %d new targets were polled within 6 s, after %.2f s (p50), %.2f s (p99), %.2f s at most\n", NR, all, d[int(NR*.5)+1], d[int(NR*.99)+1], d[NR] }'
echo "a change was read after $(middle "$dir/stage a list were read"), computed after $(middle "$dir/stage of lists are others"), taken over after $(middle "$dir/stage of lists were taken over")"
echo "a change took $(awk "BEGIN { printf \"%.2f\", ($spent - $quietly * $used) / $steps / $(getconf CLK_TCK) }") s of CPU time, polls of its targets included"
grep -E 'level=(WARN|ERROR)' "$dir/log" | head || true
