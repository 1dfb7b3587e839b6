#!/bin/sh
# After a removal. `purge` of a deb takes the stored responses and the keys along, which no package
# has as its files.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ]; then
	rm -rf /var/lib/qwenvoy /var/lib/private/qwenvoy /etc/qwenvoy/environment
fi
