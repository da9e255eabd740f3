#!/usr/bin/env bash
# Compares the memory of a process with that of another commit, both without a cluster: memory-compare.sh COMMIT [ROUNDS [SECONDS [TARGETS]]]
# Both sides take turns with the same simulated switches, rules and receiver. Memory is what is resident after a collection of garbage at the
# end. Exits with 1 if the median is more than 2 MB above that of the commit.
set -euo pipefail
base=$1 rounds=${2:-5} seconds=${3:-60} targets=${4:-200}
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait
	git worktree remove --force "$dir/base" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
git worktree add -q --detach "$dir/base" "$base"
build() { # SIDE DIRECTORY
	(cd "$2" && CGO_ENABLED=0 go build -trimpath -tags gosnmp_nodebug -ldflags '-s -w' -o "$dir/$1" ./cmd/trapline)
}
build old "$dir/base"
build new "$PWD"

"$dir/new" simulate --device "switch=$targets" --listen 127.84.0.1:16164 >"$dir/addresses" &
pids+=($!)
until [ "$(wc -l <"$dir/addresses")" = "$targets" ]; do sleep 0.1; done
cat >"$dir/rules.yml" <<'RULES'
groups:
- name: test
  rules:
  - {alert: Down, expr: 'ifOperStatus == 2', for: 10s}
  - {alert: Errors, expr: 'rate(ifInErrors[1m]) > 1'}
RULES
cat >"$dir/snmp.yml" <<EOT
global: {interval: 5s}
rule_files: [$dir/rules.yml]
receivers: [{name: nms, address: "127.84.0.250:16165", type: trap}]
targets:
EOT
awk '{ printf "- {name: switch-%d, address: \"%s\", modules: [system, if_mib]}\n", NR, $1 }' "$dir/addresses" >>"$dir/snmp.yml"
port=19117
measure() { # SIDE: prints the resident kB, and how many of them are pages of files, above all of the program
	rm -rf "$dir/state"
	mkdir "$dir/state"
	STATE_DIRECTORY=$dir/state "$dir/$1" serve --log.level=error --web.listen-address="127.0.0.1:$port" --config.file="$dir/snmp.yml" 2>"$dir/log" &
	local pid=$!
	pids+=("$pid")
	sleep "$seconds"
	for _ in 1 2 3; do curl -sfo /dev/null "127.0.0.1:$port/debug/pprof/heap?gc=1"; done
	sleep 5 # the runtime returns memory in the background
	awk '/^VmRSS/ { r = $2 } /^RssFile/ { f = $2 } END { printf "%d %d ", r, f }' "/proc/$pid/status"
	curl -sf "127.0.0.1:$port/metrics" | awk '/^go_goroutines/ { g = $2 } /^go_memstats_heap_inuse_bytes/ { h = $2 } /^trapline_target_up/ { n += $NF } END { printf "%d %d %d\n", h / 1024, g, n }'
	kill "$pid"
	wait "$pid" || cat "$dir/log" >&2
}
printf '%5s %4s %13s %13s %13s %10s %5s\n' round side 'resident kB' 'of files kB' 'heap kB' goroutines up
for ((round = 1; round <= rounds; round++)); do
	for side in old new; do
		line=$(measure "$side")
		[ "${line##* }" = "$targets" ] || { echo "$side: not all targets were polled: $line" >&2 && exit 1; }
		echo "$line" >>"$dir/$side.txt"
		# shellcheck disable=SC2086 # which are five numbers
		printf '%5d %4s %13d %13d %13d %10d %5d\n' "$round" "$side" $line
	done
done
median() { sort -n "$dir/$1.txt" | awk '{ n[NR] = $1 } END { print (n[int((NR + 1) / 2)] + n[int(NR / 2) + 1]) / 2 }'; }
awk -v old="$(median old)" -v new="$(median new)" 'BEGIN {
	printf "median: %.1f MB, and %.1f MB of the commit: %+.1f MB\n", new / 1024, old / 1024, (new - old) / 1024
	exit new - old > 2048
}'
