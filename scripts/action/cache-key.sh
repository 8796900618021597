#!/usr/bin/env bash
# Names the cache after MODELS, in any order, and VERSION; another version starts from what an earlier one has pulled.
set -euo pipefail

if command -v sha256sum >/dev/null; then hasher=sha256sum; else hasher="shasum -a 256"; fi
hash=$(xargs -n 1 <<<"$MODELS" | sort -u | $hasher)
restore_key=llmlb-models-$RUNNER_OS-${hash:0:16}-
{
  echo "path=${LLMLB_MODELS:-$HOME/.llmlb/models}"
  echo "key=$restore_key$VERSION"
  echo "restore-key=$restore_key"
} >>"$GITHUB_OUTPUT"
