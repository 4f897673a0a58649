#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installation, admission and uninstallation on the control planes of several versions of Kubernetes, beside the pinned
# one that all other tests run on. It builds each first, which takes some ten minutes, and keeps it in .cache/kubernetes.
# Usage: test/tools/versions.sh [VERSION ...]     (none: the newest patch of each minor version that the proxy has)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tools=${TOOLS_BIN:-$PWD/.cache/tools/bin}
versions=("$@")
[ ${#versions[@]} -gt 0 ] || versions=(v1.34.4 v1.35.4 v1.37.2)

outcomes=()
failed=0
for version in "${versions[@]}"; do
  bin=$PWD/.cache/kubernetes/$version
  test/tools/kubernetes.sh "$version" "$bin"
  # The rest, etcd, helm and cosign among them, is the same for all.
  for tool in "$tools"/*; do
    [ -e "$bin/${tool##*/}" ] || ln -s "$tool" "$bin/${tool##*/}"
  done
  "$bin/kube-apiserver" --version
  started=$SECONDS
  outcome=passed
  # Volumes of an image are switched off before 1.35.
  gates=
  [[ $version != v1.34.* ]] || gates=ImageVolume=true
  FEATURE_GATES=$gates TOOLS_BIN=$bin node --test test/e2e/{chart/install,admission/admission,admission/digest-required}.test.ts || { outcome=FAILED && failed=1; }
  outcomes+=("$(printf '%-10s %s, %d s' "$version" "$outcome" "$((SECONDS - started))")")
done
printf '\n%s' "${outcomes[@]}"
echo
exit $failed
