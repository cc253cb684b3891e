#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# package.sh [FOLDER]: Debian's package of this tree into FOLDER (default: build/packages), built
# from a copy with nothing in it but what is under version control. DEB_BUILD_OPTIONS=nocheck
# leaves its tests out.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/packages}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "$folder/kmemstat"
mkdir "$folder/kmemstat"
git ls-files -z | tar -c --null -T - | tar -x -C "$folder/kmemstat"
cd "$folder/kmemstat"
# /usr/bin first: the build goes by Debian's python3
PATH=/usr/bin:$PATH dpkg-buildpackage -us -uc -b
cd ..
rm -rf kmemstat
ls kmemstat_*
