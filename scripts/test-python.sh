#!/usr/bin/env bash
# Tests the wheel of work/wheel in a virtual environment; takes the environment. The PATH has that and a few basic
# commands, no compiler, wherever the system keeps its own.
set -euo pipefail
cd "$(dirname "$0")/.."

environment="${1:?the virtual environment}"
wheels=(work/wheel/slirec-*.whl)
# The libraries that it names are there already; itself it may have been built anew under the same version.
"$environment/bin/pip" install --quiet --disable-pip-version-check "${wheels[0]}"
"$environment/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "${wheels[0]}"

unset ORT_DYLIB_PATH
export WHEEL="$PWD/${wheels[0]}"
basic="$PWD/$environment/basic"
mkdir -p "$basic"
for command in bash cat dirname env ls sh uname; do
  ln -sf "$(command -v "$command")" "$basic/$command"
done
export PATH="$PWD/$environment/bin:$basic"
if command -v cargo || command -v rustc; then
  echo "a compiler is on the PATH: the wheel would not be all that is tested" >&2
  exit 1
fi
settings=crates/python/pyproject.toml
ruff check --config "$settings" crates/python examples
ruff format --check --config "$settings" crates/python examples
mypy --config-file "$settings" crates/python/python/slirec crates/python/tests examples/client.py
nbqa mypy examples --config-file="$settings"
pytest --quiet crates/python/tests
# `slirec.spark` needs PySpark: scripts/test-spark.sh.
pytest --quiet --doctest-modules --ignore-glob='*/slirec/spark.py' --pyargs slirec -c "$settings" --rootdir .
