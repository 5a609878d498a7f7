#!/bin/sh
# Builds the package from a copy of the tree (what Git knows or would add) into dist/: the .deb, or with --rpm the .rpm.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
version=$(sed -n 's/^project(bedplate VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
jobs=${BEDPLATE_JOBS:-$(getconf _NPROCESSORS_ONLN)}
work="$top/build-package"
rm -rf "$work"
source="$work/bedplate-$version"
mkdir -p "$source" dist
[ -z "${BEDPLATE_LAUNCHER:-}" ] || export CMAKE_CXX_COMPILER_LAUNCHER="$BEDPLATE_LAUNCHER"
export BEDPLATE_WERROR=ON  # with our own compiler; whoever builds from the source package may have another one

git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
  tar --create --null --files-from=- --ignore-failed-read 2>/dev/null | tar --extract --directory "$source"

case ${1:-} in
  '')
    cp -r packaging/deb "$source/debian"
    (cd "$source" && DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=$jobs" dpkg-buildpackage -b -us -uc -tc)
    rm -f dist/*.deb
    cp "$work"/*.deb dist/
    lintian --allow-root --fail-on error,warning "$work"/*.changes ;;
  --rpm)
    mkdir -p "$work/rpm/SOURCES"
    cp packaging/systemd/sysusers.conf "$work/rpm/SOURCES/"
    tar -C "$work" -czf "$work/rpm/SOURCES/bedplate-$version.tar.gz" "bedplate-$version"
    # Fedora's own macros where they are; elsewhere the few that the spec uses, and no rpm database to ask.
    set -- --define "_topdir $work/rpm" --define "_smp_mflags -j$jobs"
    [ -e /etc/redhat-release ] ||
      set -- "$@" --nodeps --load "$top/packaging/rpm/macros.elsewhere"
    rpmbuild -bb "$@" packaging/rpm/bedplate.spec
    rm -f dist/*.rpm
    find "$work/rpm/RPMS" -name '*.rpm' -exec cp {} dist/ \;
    [ -z "$(find dist -name '*.deb')" ] || python3 packaging/compare_payloads.py dist/*.deb dist/*.rpm ;;
  *) echo "usage: ./dev package [--rpm]" >&2; exit 64 ;;
esac
ls -l dist
