# SPDX-License-Identifier: GPL-2.0-or-later
# For ./try, ./check and sanitize.sh, which source it in the top directory: install, configure, build.

say()
{
	printf '== %s\n' "$*"
}

is_installed()
{
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed) return 0 ;;
	*) return 1 ;;
	esac
}

# install_missing KIND...: the packages of these kinds that are not there; without network or
# privileges nothing is lost if there are none.
install_missing()
{
	missing=
	for kind; do
		for package in $(sed -n "s/^$kind //p" scripts/packages); do
			is_installed "$package" || missing="$missing $package"
		done
	done
	if [ -z "$missing" ]; then
		say "all packages needed are installed"
		return
	fi
	root=
	if [ "$(id -u)" != 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "$0: run as root, or install:$missing" >&2
			exit 1
		fi
		root=sudo
	fi
	say "installing:$missing"
	# env: sudo would not pass the variable on
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q update
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
	# what was configured without them would go on without them
	rm -f build/meson-info/meson-info.json
}

# What tests hold reports against, tests/npm/package.json: exactly the versions in its lock file,
# and none of their scripts is run. Without them those tests are skipped.
install_npm()
{
	if [ tests/npm/node_modules/.package-lock.json -nt tests/npm/package-lock.json ]; then
		return
	fi
	say "npm ci in tests/npm"
	(cd tests/npm && npm ci --ignore-scripts --no-audit --no-fund) ||
		echo "$0: npm failed: the tests that need its packages will be skipped" >&2
}

# promtool alone out of Debian's package prometheus, which would install and start a server.
install_promtool()
{
	if [ -x tests/bin/promtool ] || command -v promtool >/dev/null; then
		return
	fi
	say "promtool into tests/bin"
	mkdir -p tests/bin/unpack
	# apt's own user has to be able to write where it downloads to
	if (cd tests/bin/unpack && apt-get -q -o APT::Sandbox::User=root download prometheus &&
		dpkg-deb -x prometheus_*.deb .); then
		mv tests/bin/unpack/usr/bin/promtool tests/bin/promtool
	else
		echo "$0: no promtool: the test that needs it will be skipped" >&2
	fi
	rm -rf tests/bin/unpack
}

# tracefs for all tests together: one that mounts it for itself takes it away at its end.
mount_tracefs()
{
	tracefs=/sys/kernel/tracing
	if [ -d $tracefs/events ] || ! mount -t tracefs nodev $tracefs 2>/dev/null; then
		tracefs=
	fi
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

unmount_tracefs()
{
	[ -z "${tracefs-}" ] || umount "$tracefs" || :
}

# Configures build/ unless it is already that of this directory, and compiles.
build()
{
	say "building in build/"
	if ! grep -qsF "\"source\": \"$PWD\"" build/meson-info/meson-info.json; then
		rm -rf build
		meson setup build
	fi
	ninja -C build
}
