#!/usr/bin/env bash
# Pulls MODELS into the store of this machine, one after another; each has the whole line.
set -euo pipefail

xargs -n 1 <<<"$MODELS" | while IFS= read -r model; do
  [ -n "$model" ] || continue
  echo "::group::llmlb node pull $model"
  llmlb node pull "$model" --local </dev/null
  echo "::endgroup::"
done
