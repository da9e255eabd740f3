# For scripts that start Trapline and simulated devices: creates a directory $dir, and terminates every process in
# $pids when the script exits. Source it with `.`.
dir=$(mktemp -d)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && kill -CONT "$pid" 2>/dev/null || true; done
	wait 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
await() { # PID COMMAND...: until the command succeeds, or the process is no more
	local pid=$1
	shift
	until "$@" 2>/dev/null; do
		kill -0 "$pid" || exit 1
		sleep 0.1
	done
}
go build -tags gosnmp_nodebug -o "$dir/trapline" ./cmd/trapline
