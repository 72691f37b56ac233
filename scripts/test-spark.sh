#!/usr/bin/env bash
# Tests `slirec.spark` with the wheel of work/wheel on a Spark of two executors; takes the virtual environment.
set -euo pipefail
cd "$(dirname "$0")/.."

environment="${1:?the virtual environment}"
wheels=(work/wheel/slirec-*.whl)
# The libraries that it names are there already; itself it may have been built anew under the same version.
"$environment/bin/pip" install --quiet --disable-pip-version-check "${wheels[0]}"
"$environment/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "${wheels[0]}"

unset ORT_DYLIB_PATH SPARK_HOME
export PATH="$PWD/$environment/bin:$PATH" PYSPARK_PYTHON="$PWD/$environment/bin/python"
# With the real types of PySpark, which the other tests are without.
mypy --config-file crates/python/pyproject.toml --follow-imports=silent crates/python/python/slirec/spark.py
python scripts/test_spark.py
