#!/usr/bin/env bash
# Sets vitlab up in .venv, once, and runs it.
#
#   ./run.sh                       the main job: configs/digits.py into runs/digits
#   ./run.sh test [ARGUMENTS]      the tests, in up to four processes
#   ./run.sh COMMAND [ARGUMENTS]   python -m vitlab.COMMAND, such as ./run.sh evaluate --workdir=runs/digits
#   ./run.sh tpu ...               on a Cloud TPU, of one host or many; without arguments it says how
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
  if [ -e /dev/accel0 ] || [ -e /dev/vfio/0 ]; then extras+=,tpu; fi
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

# NAME and ZONE of a TPU VM come first in each of these; Google's gcloud does the work.
tpu() {
  local action=${1:-} name=${2:-} zone=${3:-}
  local vm=(gcloud compute tpus tpu-vm)
  if [ $# -lt 3 ] || ! command -v gcloud >/dev/null; then
    {
      echo "run.sh: on a Cloud TPU (gcloud must be installed and logged in):"
      echo "  ./run.sh tpu create NAME ZONE TYPE [RUNTIME]  such as v5litepod-8 v2-alpha-tpuv5-lite"
      echo "  ./run.sh tpu run NAME ZONE [ARGUMENTS]        this folder onto every host, then python -m vitlab.main there"
      echo "  ./run.sh tpu fetch NAME ZONE WORKDIR          the run directory from the first host into this folder"
      echo "  ./run.sh tpu delete NAME ZONE"
    } >&2
    exit 2
  fi
  case $action in
    create)
      "${vm[@]}" create "$name" --zone="$zone" --accelerator-type="${4:?run.sh: give the TYPE, such as v5litepod-8}" \
        --version="${5:-tpu-ubuntu2204-base}"
      ;;
    run)
      local archive
      archive=$(mktemp)
      trap "rm -f '$archive'" EXIT
      tar --exclude=./.git --exclude=./.venv --exclude=./runs -czf "$archive" .
      "${vm[@]}" scp "$archive" "$name:vitlab.tar.gz" --zone="$zone" --worker=all
      local python='command -v python3.12 python3.11 >/dev/null || {
        sudo add-apt-repository -y ppa:deadsnakes/ppa && sudo apt-get install -y python3.12 python3.12-venv; }'
      "${vm[@]}" ssh "$name" --zone="$zone" --worker=all --command="set -e; $python
        mkdir -p vitlab; tar -xzf vitlab.tar.gz -C vitlab; cd vitlab; ./run.sh main$(printf ' %q' "${@:4}")"
      ;;
    fetch)
      local workdir=${4:?run.sh: give the WORKDIR that the run was given}
      case $workdir in /*) ;; *) workdir=vitlab/$workdir ;; esac
      mkdir -p runs
      "${vm[@]}" scp --recurse "$name:$workdir" runs/ --zone="$zone" --worker=0
      ;;
    delete) "${vm[@]}" delete "$name" --zone="$zone" ;;
    *)
      echo "run.sh: tpu $action is nothing; use create, run, fetch or delete" >&2
      exit 2
      ;;
  esac
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
  tpu)
    tpu "${@:2}"
    ;;
  main | evaluate | compare | feasibility | find_rate | population | dataset | convert | summary)
    set_up
    cd "$here"
    exec "$venv/bin/python" -m "vitlab.$1" "${@:2}"
    ;;
  *)
    echo "run.sh: $1 is no command; use no argument at all, test, tpu, main, evaluate, compare, feasibility, find_rate, population, dataset, convert or summary" >&2
    exit 2
    ;;
esac
