#!/usr/bin/env bash
# The wheel: built, installed into an empty environment, and tried from an empty folder. CI and the image run this.
#   docker/wheel.sh build PYTHON FOLDER                 the wheel of this checkout; PYTHON has pip
#   docker/wheel.sh install PYTHON VENV FOLDER [SITE]   into a new environment; SITE has the dependencies, else pip gets them
#   docker/wheel.sh smoke VENV                          trains, compares and exports, where nothing else is
#   docker/wheel.sh all PYTHON                          all of it, with the dependencies that PYTHON has
set -euo pipefail
checkout="$(cd "$(dirname "$0")/.." && pwd)"
most=$((95 * 1024 * 1024)) # bytes; PyPI takes 100 MB a file

build() { # PYTHON FOLDER
  "$1" -m pip wheel --quiet --no-deps --wheel-dir "$2" "$checkout"
  [ "$(stat --format %s "$2"/locality-*.whl)" -lt "$most" ] || { echo "wheel.sh: over PyPI's 100 MB" >&2; exit 1; }
}

install() { # PYTHON VENV FOLDER [SITE]
  "$1" -m venv "$2"
  if [ -n "${4:-}" ]; then
    # The packages there, without the .pth files there: what is editable in them stays out.
    echo "$4" >"$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dependencies.pth"
  fi
  "$2/bin/python" -m pip install --quiet ${4:+--no-deps} "$3"/locality-*.whl
}

smoke() { # VENV
  local venv empty
  venv="$(cd "$1" && pwd)"
  empty="$(mktemp -d)"
  (
    trap 'rm -rf "$empty"' EXIT
    cd "$empty"
    export PATH="$venv/bin:$PATH" LOCALITY_CACHE="$empty/cache"
    unset PYTHONPATH LOCALITY_CONFIGS
    python -c "import locality, sys; sys.exit(0 if locality.__file__.startswith('$venv/') else locality.__file__)"
    locality-train data=digits trainer=smoke
    locality-evaluate compare=quick compare.count=8 logger=none
    locality-export runs/latest network --form diffusers
    test -f runs/latest/report.html
    test -f network/model_index.json
    [ "$(ls | sort | xargs)" = "cache network runs" ] || { ls; echo "wheel.sh: more was left than it should" >&2; exit 1; }
  )
  echo "wheel.sh: trained, compared and exported from an empty folder"
}

all() { # PYTHON
  local folder
  folder="$(mktemp -d)"
  trap "rm -rf '$folder'" EXIT
  build "$1" "$folder/dist"
  install "$1" "$folder/venv" "$folder/dist" "$("$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  smoke "$folder/venv"
}

case "${1:-}" in
  build | install | smoke | all) "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
