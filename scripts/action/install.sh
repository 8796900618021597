#!/usr/bin/env bash
# Installs llmlb (LLMLB_VERSION, LLMLB_INSTALL_DIR) for the steps that follow, and tells its version.
set -euo pipefail

case ${RUNNER_OS:-Linux} in
  Linux | macOS) ;;
  *)
    echo "::error::this action installs llmlb on Linux and macOS, not on $RUNNER_OS"
    exit 1
    ;;
esac

dir=${LLMLB_INSTALL_DIR:-$HOME/.local}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
# The runner has a PATH of its own, below; nobody's shell profile is touched.
LLMLB_INSTALL_DIR=$dir LLMLB_NO_MODIFY_PATH=1 sh "$GITHUB_ACTION_PATH/install.sh"
echo "$dir/bin" >>"$GITHUB_PATH"

version=$("$dir/bin/llmlb" --version)
echo "version=${version#llmlb }" >>"$GITHUB_OUTPUT"
