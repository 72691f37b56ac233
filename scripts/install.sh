#!/usr/bin/env bash
# Installs what was built: programs, ONNX Runtime, completions, manual pages, the demo bundle and a systemd unit below
# PREFIX. DESTDIR stands before PREFIX while a package is made; BINARIES names the folder of the programs.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix="${PREFIX:-/usr/local}"
binaries="${BINARIES:-${CARGO_TARGET_DIR:-target}/release}"
case "$prefix" in
  /*) ;;
  *) echo "PREFIX is $prefix: expected an absolute path" >&2; exit 1 ;;
esac
to="${DESTDIR:-}$prefix"

onnxruntime="vendor/onnxruntime${CUDA:+-cuda}"
library="$(readlink --canonicalize-existing "$onnxruntime/libonnxruntime.so")"
install -D --mode 0755 --target-directory "$to/bin" "$binaries/slirec-server" "$binaries/slirec"
install -D --mode 0644 "$library" "$to/lib/slirec/libonnxruntime.so"
# The provider and the libraries of CUDA and cuDNN, which it finds beside it.
if [ -n "${CUDA:-}" ]; then
  find "$onnxruntime/" -type f -name '*.so*' ! -name 'libonnxruntime.so*' -exec install --mode 0644 --target-directory "$to/lib/slirec" {} +
fi
install -D --mode 0644 --target-directory "$to/share/doc/slirec/onnxruntime" "$onnxruntime"/{LICENSE*,ThirdPartyNotices.txt}
install -D --mode 0644 --target-directory "$to/share/doc/slirec" LICENSE README.md CHANGELOG.md config/server.toml docs/*.md
install -D --mode 0644 --target-directory "$to/share/slirec/models/demo" models/demo/*

unit="$to/lib/systemd/system/slirec.service"
install -d "$(dirname "$unit")"
sed "s|@PREFIX@|$prefix|g" deploy/systemd/slirec.service >"$unit"
chmod 0644 "$unit"

for shell in bash:bash-completion/completions/slirec zsh:zsh/site-functions/_slirec fish:fish/vendor_completions.d/slirec.fish; do
  file="$to/share/${shell#*:}"
  install -d "$(dirname "$file")"
  "$binaries/slirec" completions "${shell%%:*}" >"$file"
  chmod 0644 "$file"
done
"$binaries/slirec" man "$to/share/man/man1" >/dev/null
chmod 0644 "$to"/share/man/man1/slirec*.1

echo "installed below $to: try slirec-server --model $prefix/share/slirec/models/demo"
