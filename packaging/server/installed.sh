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
[ "$upgrade" = yes ] && [ -d /run/systemd/system ] && systemctl is-active --quiet ringfence || exit 0
# The old program goes on running until the new one has read the settings, the
# keys and the certificate, and found them well.
if ! setpriv --reuid=ringfence --regid=ringfence --init-groups /usr/bin/ringfence serve --check --config "$config"; then
	echo "The new Ringfence does not start with $config; the old one goes on running. Put right what is said above, then: systemctl restart ringfence" >&2
	exit 1
fi
systemctl restart ringfence
if ! /usr/bin/ringfence health --config "$config" --wait 120s; then
	echo "Ringfence was upgraded and is not well. Look: journalctl -u ringfence. To go back, install the package that was there before." >&2
	exit 1
fi
