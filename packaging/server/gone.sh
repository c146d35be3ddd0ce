if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
echo "Ringfence is removed. Data, keys and settings are still there: /var/lib/ringfence, /var/lib/ringfence-keys, /etc/ringfence, and whatever else ringfence.yaml names."
