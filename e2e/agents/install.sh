#!/bin/sh
# install.sh: gets the agents and SDKs that package-lock.json pins from npm's registry into
# .cache/agents and prints that folder's path. Fetches nothing when they are there already. No
# package's install script is run: nothing here needs one. bin/node is the Node that the agents run
# on: the packages that npm's "node" would fetch, since the machine's may be older than they ask for.
# Qwen Code's clipboard, which no test needs, isn't to be had for every platform of its list: the
# overrides put an empty package there, without which no lock file is complete.
#
# After a change of package.json: npm install --package-lock-only --omit-lockfile-registry-resolved
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/agents

if ! cmp -s "$here/package-lock.json" "$cache/package-lock.json"; then
	mkdir -p "$here/../../.cache"
	# Beside its place first, so that an interrupted run leaves nothing that looks complete.
	new=$cache.$$
	trap 'rm -rf "$new"' EXIT
	mkdir "$new"
	cp "$here/package.json" "$here/package-lock.json" "$new"
	npm ci --prefix "$new" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	node=$(cd "$new" && ls -d node_modules/node-*/bin/node) || {
		echo "install.sh: package.json has no Node for this platform; it has those for Linux on x64 and arm64" >&2
		exit 1
	}
	mkdir "$new/bin"
	ln -s "../$node" "$new/bin/node"
	rm -rf "$cache"
	mv "$new" "$cache"
fi
cd "$cache" && pwd
