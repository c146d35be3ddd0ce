# The program that runs is kept: it judges the one that comes, and takes its
# place again if that is not well (ringfence upgrade -h). One that is kept already
# stays: what came after it has proven nothing.
kept=/usr/lib/ringfence
if [ "$upgrade" = yes ] && [ -x /usr/bin/ringfence ] && [ ! -e $kept/before ]; then
	mkdir -p $kept
	cp -p /usr/bin/ringfence $kept/.before.new
	sync $kept/.before.new
	[ ! -e $kept/tries ] || : >$kept/tries
	mv $kept/.before.new $kept/before
fi
