# Nothing is deleted, not even now: without the keys every recording is lost,
# and who wants that says so by hand.
echo "Nothing was deleted. To lose every recording for good, delete /etc/ringfence (root key), /var/lib/ringfence-keys and /var/lib/ringfence yourself, and the other folders that ringfence.yaml names."
