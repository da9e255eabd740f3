# For scripts that start Trapline and simulated devices: a directory for them in $dir, and the end of
# every process in $pids with the script's own. To be read with `.` from the script.
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
