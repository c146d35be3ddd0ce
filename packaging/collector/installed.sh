if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers ringfence-collector.conf
elif ! getent passwd ringfence-collector >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/ringfence-collector --no-create-home --shell /usr/sbin/nologin ringfence-collector
fi
state=/var/lib/ringfence-collector
[ -d "$state" ] || install -d -m 0700 -o ringfence-collector -g ringfence-collector "$state"
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ ! -e "$state/service.json" ]; then
	echo "The collector is installed and not started. Next: ringfence collect install"
	exit 0
fi
[ "$upgrade" = yes ] && [ -d /run/systemd/system ] && systemctl is-active --quiet ringfence-collector || exit 0
# A program that does not even start on this machine must not take the place of one that runs.
if ! /usr/bin/ringfence version >/dev/null; then
	echo "The new collector does not run on this machine; the old one goes on running." >&2
	exit 1
fi
systemctl restart ringfence-collector
