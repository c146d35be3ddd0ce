#!/bin/sh
# Lives through what rpm does with the server's package, in a system of its own
# that is made of this machine's /usr and vanishes with the mount namespace:
#
#	unshare --mount sh rpm-life.sh ROOT OLD.rpm NEW.rpm
#
# What scripts and programs said stands in ROOT/said; systemctl is a stand-in.
set -eu
root=$1 old=$2 new=$3
mount -t tmpfs -o mode=755 tmpfs "$root"
for dir in upper work usr etc/ssl dev proc tmp var/lib/rpm var/log run/systemd/system; do mkdir -p "$root/$dir"; done
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$root/upper,workdir=$root/work" "$root/usr"
mount --rbind /dev "$root/dev"
for dir in bin sbin lib lib32 lib64 libx32; do
	[ ! -L "/$dir" ] || ln -s "usr/$dir" "$root/$dir"
done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf 'root:*:::::::\n' >"$root/etc/shadow"
printf 'root:*::\n' >"$root/etc/gshadow"
chmod 600 "$root/etc/shadow" "$root/etc/gshadow"
printf '#!/bin/sh\necho "systemctl $*" >>/said\n' >"$root/usr/bin/systemctl"
chmod 755 "$root/usr/bin/systemctl"
: >"$root/said"

step() {
	echo "== $1" | tee -a "$root/said"
	shift
	rpm --root "$root" --dbpath /var/lib/rpm --nosignature --nodeps "$@" 2>&1 || echo "rpm answers $?"
}
look() { # what is there now
	stat -c '%A %U:%G %n' "$root/usr/bin/ringfence" "$root/usr/lib/ringfence/before" "$root/etc/ringfence" "$root/etc/ringfence/ringfence.yaml" "$root/var/lib/ringfence" "$root/var/lib/ringfence-keys" 2>/dev/null |
		sed "s|$root||; s|$(stat -c %U:%G "$root/var/lib/ringfence" 2>/dev/null || echo none)|its:own|" || true
}

step install -i "$old"
look
grep -c '^ringfence:' "$root/etc/passwd"
echo "secret" >"$root/etc/ringfence/ringfence.yaml"
echo "a key" >"$root/var/lib/ringfence-keys/key"

touch "$root/settle-fails"
step "upgrade that is not well" -U "$new"
rm "$root/settle-fails"
look

step reinstall -U --replacepkgs --oldpackage "$old"
step upgrade -U "$new"
look

step erase -e ringfence
look
cat "$root/etc/ringfence/ringfence.yaml" "$root/var/lib/ringfence-keys/key"
echo "== said"
cat "$root/said"
