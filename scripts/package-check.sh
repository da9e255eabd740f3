#!/bin/bash
# Builds the packages of this machine's architecture, installs the deb into a separate root, and runs the installed
# program there. It lists the rpm if rpm is installed, builds the manifests with kustomize and checks the compose file.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arch=$(go env GOARCH)
PLATFORMS=linux/$arch scripts/release.sh "$work/dist"

root=$work/root
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info" "$root/etc" "$root/usr/sbin" "$root/dev"
touch "$root/dev/null" "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
# A root with a shell and the programs that the scripts of the package run.
for program in sh getent useradd chgrp chmod; do
	path=$(command -v "$program")
	mkdir -p "$root$(dirname "$path")"
	cp -L "$path" "$root$path"
	ldd "$path" | awk '/=> \// { print $3 } /^\t\// { print $1 }' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -nL "$library" "$root$library"
	done
done
mkdir -p "$root/bin" "$root/lib" && cp -nL "$(command -v sh)" "$root/bin/sh"
cp -nL /lib/*/libnss_files.so.2 "$root/lib/" 2>/dev/null || true
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf 'passwd: files\ngroup: files\n' >"$root/etc/nsswitch.conf"
touch "$root/etc/shadow" "$root/etc/gshadow" "$root/etc/login.defs"

dpkg --root="$root" --force-depends --install "$work/dist/trapline_$arch.deb"
dpkg --root="$root" --status trapline | grep '^Status: install ok installed'
test "$(stat -c %a "$root/etc/trapline/snmp.yml")" = 640
grep '^trapline:' "$root/etc/passwd"
chroot "$root" /usr/bin/trapline --version
if chroot "$root" /usr/bin/trapline check /etc/trapline/snmp.yml 2>"$work/check"; then exit 1; fi
grep 'nothing to poll' "$work/check"
sed -i 's/^# - 192/- 192/' "$root/etc/trapline/snmp.yml"
chroot "$root" /usr/bin/trapline check /etc/trapline/snmp.yml
chroot "$root" /usr/bin/trapline rules check --config.file=/etc/trapline/snmp.yml '/etc/trapline/rules/*.yml'
dpkg --root="$root" --force-depends --purge trapline
test ! -e "$root/usr/bin/trapline"

if command -v rpm >/dev/null; then
	rpm -qpl "$work/dist/trapline_$arch.rpm" | grep -Fx /usr/bin/trapline
	rpm -K --nosignature "$work/dist/trapline_$arch.rpm"
fi
go run sigs.k8s.io/kustomize/kustomize/v5@v5.6.0 build deploy/kubernetes | grep -c '^kind: '
(cd deploy/compose && go run github.com/compose-spec/compose-go/v2/cmd@v2.9.0 compose.yaml) >/dev/null
(cd "$work/dist" && sha256sum -c --quiet SHA256SUMS)
echo "the packages install and run"
