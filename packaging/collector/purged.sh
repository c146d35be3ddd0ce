echo "Nothing was deleted. When the archive has everything, delete /var/lib/ringfence-collector yourself."
