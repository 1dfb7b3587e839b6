#!/bin/sh
# After an installation or an upgrade, of a deb ($1: configure, $2: the version before) and of an
# rpm ($1: how many are installed then). A gateway that runs is started anew; none is started else.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "${2:-}" ] || [ "$1" = 2 ]; then
		systemctl try-restart qwenvoy.service
	fi
fi
if [ -z "${2:-}" ] && { [ "$1" = configure ] || [ "$1" = 1 ]; }; then
	echo "qwenvoy: name your server in /etc/qwenvoy/qwenvoy.yaml, then: systemctl enable --now qwenvoy"
fi
