#!/bin/sh
# Before a removal, of a deb ($1: remove) and of an rpm ($1: 0 remain). An upgrade keeps it running.
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
	systemctl disable --now qwenvoy.service
fi
