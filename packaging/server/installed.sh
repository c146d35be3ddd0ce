# The user and the folders, also where no systemd runs (a container, a chroot).
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers ringfence.conf
elif ! getent passwd ringfence >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/ringfence --no-create-home --shell /usr/sbin/nologin ringfence
fi
[ -d /etc/ringfence ] || install -d -m 0750 -o ringfence -g ringfence /etc/ringfence
for dir in /var/lib/ringfence /var/lib/ringfence-keys; do
	[ -d "$dir" ] || install -d -m 0700 -o ringfence -g ringfence "$dir"
done
config=/etc/ringfence/ringfence.yaml
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ ! -e "$config" ]; then
	echo "Ringfence is installed and not started. Next: ringfence init"
	exit 0
fi
[ "$upgrade" = yes ] && [ -d /run/systemd/system ] || exit 0
# The program before judges the new one: it reads settings, keys and certificate
# while the old one goes on running, is started, and has to be well. If it is not,
# the one before is put back and started. A release that could not judge yet leaves
# that to the new one.
judge=/usr/bin/ringfence
before=/usr/lib/ringfence/before
if [ -x $before ] && $before upgrade -h >/dev/null 2>&1; then
	judge=$before
fi
if ! $judge upgrade --settle --config "$config"; then
	echo "This release of Ringfence did not take over; what was wrong stands above. When it is put right: dpkg --configure -a (or: ringfence upgrade --settle) tries it again." >&2
	exit 1
fi
