#!/usr/bin/env bash
# Puts what the browser tests need into a directory: Selenium in a virtual environment, and axe-core, hash-checked.
set -euo pipefail

directory="${1:?the directory to make}"
selenium=4.36.0
axe=4.10.3
axe_sha256=0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292

rm -rf "$directory"
python3 -m venv "$directory"
"$directory/bin/pip" install --quiet --disable-pip-version-check "selenium==$selenium"
archive="$directory/axe-core.tgz"
python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' \
  "https://registry.npmjs.org/axe-core/-/axe-core-$axe.tgz" "$archive"
echo "$axe_sha256  $archive" | sha256sum --check --quiet
tar --extract --gzip --file "$archive" --directory "$directory" --strip-components 1 package/axe.min.js package/LICENSE
