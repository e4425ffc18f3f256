#!/usr/bin/env bash
# Sets vitlab up in .venv, once, and runs it.
#
#   ./run.sh                       the main job: configs/digits.py into runs/digits
#   ./run.sh test [ARGUMENTS]      the tests, in up to four processes
#   ./run.sh COMMAND [ARGUMENTS]   python -m vitlab.COMMAND, such as ./run.sh evaluate --workdir=runs/digits
#
# PYTHON names the interpreter to build with, VITLAB_VENV another place than .venv.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")"
venv=${VITLAB_VENV:-.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac

# The versions that the tests run on come first.
find_python() {
  for candidate in ${PYTHON:-python3.12 python3.11 python3}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done
  echo "run.sh: vitlab needs Python 3.11 or newer, and there is none among: \
${PYTHON:-python3.12 python3.11 python3}; install one, or name it with PYTHON=/path/to/python" >&2
  exit 2
}

# What is installed is known by the text of setup.py and the extras: a second run installs nothing.
set_up() {
  local extras=test,lint stamp
  if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then extras+=,cuda; fi
  stamp="$(cat setup.py) $extras"
  if [ "$(cat "$venv/vitlab-installed" 2>/dev/null)" = "$stamp" ]; then return; fi
  local python
  python=$(find_python)
  echo "run.sh: installing vitlab [$extras] into $venv with $("$python" --version), a few minutes the first time"
  "$python" -m venv "$venv" || {
    echo "run.sh: $python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
    exit 2
  }
  "$venv/bin/pip" install --quiet --upgrade pip
  "$venv/bin/pip" install --quiet --editable ".[$extras]"
  echo "$stamp" >"$venv/vitlab-installed"
}

case "${1:-}" in
  "")
    set_up
    exec "$venv/bin/python" -m vitlab.main --config=configs/digits.py --workdir=runs/digits
    ;;
  test)
    set_up
    exec "$venv/bin/python" -m pytest --numprocesses=auto --maxprocesses=4 --dist=worksteal "${@:2}"
    ;;
  main | evaluate | dataset | convert | summary)
    set_up
    cd "$here"
    exec "$venv/bin/python" -m "vitlab.$1" "${@:2}"
    ;;
  *)
    echo "run.sh: $1 is no command; use no argument at all, test, main, evaluate, dataset, convert or summary" >&2
    exit 2
    ;;
esac
