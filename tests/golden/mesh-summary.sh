# SPDX-License-Identifier: GPL-2.0-or-later
# What a mac80211 developer is shown first.
"$KMEMSTAT" --no-debug-search --debug-dir mesh mesh/trace.dat
