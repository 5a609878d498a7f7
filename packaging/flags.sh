#!/bin/sh
# The compiler flags of the packages: Debian's, with all of its hardening; nothing where there is no dpkg.
command -v dpkg-buildflags >/dev/null || exit 0
export DEB_BUILD_MAINT_OPTIONS='hardening=+all reproducible=-fixfilepath,-fixdebugpath'
echo "$(dpkg-buildflags --get CXXFLAGS) $(dpkg-buildflags --get CPPFLAGS)"
