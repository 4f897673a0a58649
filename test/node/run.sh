#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a frame of its own: network, mounts and processes, as root on Linux. Nothing outlives it.
# Usage: test/node/run.sh COMMAND [ARGUMENT ...]
set -euo pipefail

[ "$(uname -s)" = Linux ] || { echo 'test/node runs on Linux: containers need its kernel' >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo 'test/node makes network namespaces and containers, so it runs as root' >&2; exit 1; }

export PATH=$PATH:/usr/sbin:/sbin
missing=()
for pair in runc:runc nft:nftables conntrack:conntrack iptables:iptables ip:iproute2 unshare:util-linux; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update --quiet
  apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
fi

# Pods are limited beneath groups of this run's own: it disturbs no other kubelet, and all of them can be removed.
export COSIGNET_CGROUP=cosignet-$$
export COSIGNET_ADDRESS=10.77.0.1
shopt -s nullglob
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  controllers=(/sys/fs/cgroup)
else
  controllers=(/sys/fs/cgroup/*/)
fi
made=()

# The kernel ends what is still in the groups a moment after the first process of the frame.
remove() {
  local folder
  trap '' INT TERM HUP
  for folder in "${made[@]}"; do
    for _ in $(seq 50); do
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [ -d "$folder" ] || break
      sleep 0.1
    done
    [ ! -d "$folder" ] || echo "left behind: $folder" >&2
  done
  if [ -n "${KEEP:-}" ]; then echo "kept $TMPDIR" >&2; else rm -rf "$TMPDIR"; fi
}
# KEEP: what tests wrote stays, for its logs.
TMPDIR=$(mktemp -d)
export TMPDIR
trap remove EXIT

mount_point=/var/lib/kubelet
[ -d $mount_point ] || { mkdir -p $mount_point && made+=($mount_point); }
for controller in "${controllers[@]}"; do
  mkdir "$controller/$COSIGNET_CGROUP"
  made+=("$controller/$COSIGNET_CGROUP")
done

# When unshare ends, so does the first process of the frame, and with that one all others.
unshare --net --mount --pid --fork --kill-child --mount-proc "$(dirname "${BASH_SOURCE[0]}")/frame.sh" "$@" &
frame=$!
trap 'kill -KILL $frame 2>/dev/null || true' INT TERM HUP
wait $frame
