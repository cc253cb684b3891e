#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lint.sh MANDOC PAGE...: the pages are clean, and nothing generated is missing from them.
mandoc=$1
shift
if ! command -v "$mandoc" >/dev/null; then
	echo "mandoc is not installed"
	exit 77
fi
for page; do
	if grep -n '@[A-Z]*@' "$page"; then
		echo "$page: a placeholder is left"
		exit 1
	fi
done
exec "$mandoc" -T lint -W warning "$@"
