# recordings.sh is sourced with the build tags: it unpacks the large corpus of devices into $work and builds the program
# there. Without the corpus it ends the script that sources it.
corpus=${TRAPLINE_CORPORA:-../shared}/devices
if [ ! -e "$corpus/open.tar.gz" ]; then
	echo "SKIPPED: no $corpus/open.tar.gz"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$corpus/open.tar.gz" -C "$work"
go build -tags "$1" -o "$work/trapline" ./cmd/trapline
