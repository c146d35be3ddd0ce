if [ -d /run/systemd/system ]; then
	systemctl disable --now ringfence-collector || true
fi
