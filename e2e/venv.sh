#!/bin/sh
# venv.sh FOLDER ARGUMENT...: makes FOLDER a virtual environment of Python with what pip install gets
# for the arguments, and puts it in the place of one that was there.
set -eu

folder=${1:?usage: venv.sh FOLDER ARGUMENT...}
shift
mkdir -p "$(dirname "$folder")"
# Beside its place first, so that an interrupted run leaves nothing that looks complete.
new=$folder.$$
trap 'rm -rf "$new"' EXIT
if ! python3 -m venv "$new"; then
	echo "venv.sh: python3 can't make a virtual environment; on Debian: apt-get install python3-venv"
	exit 1
fi
"$new/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
rm -rf "$folder"
mv "$new" "$folder"
