if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
echo "The collector is removed. Its keys and what the archive has not confirmed yet are still in /var/lib/ringfence-collector."
