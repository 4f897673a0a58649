#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first process of a frame (run.sh): makes it look like a machine of its own, and runs a command in it.
# It stays beside the command, because it is also who waits for processes that lost their parent.
set -euo pipefail

# The kernel has no dummy devices everywhere; both ends of a pair stay here.
ip link set lo up
ip link add node0 type veth peer name uplink
ip address add "$COSIGNET_ADDRESS/24" dev node0
ip link set node0 up
ip link set uplink up
ip route add default dev node0
sysctl --quiet --write net.ipv4.ip_forward=1

# What components keep in places that no flag moves.
for folder in /run /var/lib/kubelet /var/log; do mount -t tmpfs tmpfs "$folder"; done
mkdir /run/lock

"$@"
