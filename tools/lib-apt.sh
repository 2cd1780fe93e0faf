# shellcheck shell=sh
# Sourced by scripts that need Debian packages:  . tools/lib-apt.sh; need meson ninja-build
#
# need PKG...   installs those that are missing when run as root; for anyone else it prints the
#               command that would and exits 1. Says nothing when all are there. Output is on stderr.

need() {
	need_missing=
	for need_pkg; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$need_pkg" 2>/dev/null) in
		installed*) ;;
		*) need_missing="$need_missing $need_pkg" ;;
		esac
	done
	[ -n "$need_missing" ] || return 0

	if [ "$(id -u)" -ne 0 ]; then
		echo "${0##*/}: packages are missing: apt-get install --no-install-recommends$need_missing" >&2
		exit 1
	fi
	echo "${0##*/}: installing$need_missing" >&2
	# The first try is without an update: fresh lists are the common case, none at all the other.
	# shellcheck disable=SC2086
	need_install $need_missing || {
		apt-get -qq -o DPkg::Lock::Timeout=600 update >&2
		need_install $need_missing
	} || {
		echo "${0##*/}: cannot install$need_missing" >&2
		exit 1
	}
}

need_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 \
		install --no-install-recommends "$@" >&2
}
