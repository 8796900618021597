#!/usr/bin/env bash
# Starts a node that lives until the job ends, and waits until it has found what to compute with.
set -euo pipefail

host=${LLMLB_HOST:-127.0.0.1:32769}
log=${RUNNER_TEMP:-/tmp}/llmlb-node.log
seconds=60

fail() {
  echo "::error::$1"
  cat "$log"
  exit 1
}

LLMLB_HOST=$host nohup llmlb node serve >"$log" 2>&1 </dev/null &
node=$!
for ((waited = 0; ; waited++)); do
  kill -0 "$node" 2>/dev/null || fail "the node has ended"
  curl -fsS --noproxy '*' --max-time 5 -o /dev/null "http://$host/ready" 2>/dev/null && break
  ((waited < seconds * 5)) || fail "the node was not ready within $seconds s"
  sleep 0.2
done

echo "a node (process $node) listens on http://$host; its log is $log"
echo "host=$host" >>"$GITHUB_OUTPUT"
echo "LLMLB_HOST=$host" >>"$GITHUB_ENV"
