#!/bin/sh
# Installs the programs with which the tests communicate, if that is possible without a prompt; otherwise prints
# the missing ones. Under CI the tests fail for each missing program.
set -u
missing=
for pair in snmp:snmpbulkwalk snmpd:snmpd snmptrapd:snmptrapd snmptt:snmptt snmpsim:snmpsimd prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager smitools:smilint systemd:systemd-analyze chromium:chromium zsh:zsh fish:fish groff-base:groff npm:npm; do
	command -v "${pair#*:}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair#*:}" ] || [ -x "/usr/bin/${pair%%:*}" ] || missing="$missing ${pair%%:*}"
done
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	# Only the tests start the daemons, on their own ports.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
		trap 'rm -f $policy' EXIT
	fi
	# shellcheck disable=SC2086
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null || exit 1
	missing=
fi
[ -z "$missing" ] || echo "some tests need programs that are not installed: these Debian packages have them:$missing" >&2
# The tools to test the pages are installed in internal/web.
cd "$(dirname "$0")/../internal/web" || exit 1
if command -v npm >/dev/null 2>&1 && ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund >/dev/null && cp package-lock.json node_modules/.installed || exit 1
fi
