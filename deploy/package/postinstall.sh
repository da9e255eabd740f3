#!/bin/sh
# Credentials in the configuration are for Trapline's user alone. The service is not started: it has no targets yet.
set -e
if ! getent passwd trapline >/dev/null; then
	systemd-sysusers trapline.conf 2>/dev/null || useradd --system --user-group --home-dir /var/lib/trapline --shell /usr/sbin/nologin trapline
fi
chgrp trapline /etc/trapline/snmp.yml
chmod 0640 /etc/trapline/snmp.yml
[ ! -d /run/systemd/system ] || systemctl daemon-reload
