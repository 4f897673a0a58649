#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the control plane of another version of Kubernetes, from a Go module that it makes for that version alone.
# Usage: test/tools/kubernetes.sh VERSION FOLDER     VERSION as the module proxy has it: v1.34.4; FOLDER gets the binaries
set -euo pipefail
version=$1
mkdir -p "$2"
bin=$(cd "$2" && pwd)
minor=${version#v1.}
minor=${minor%%.*}
staging=v0.${version#v1.}
programs=(kubectl kube-controller-manager kube-apiserver)
[ "$(cat "$bin/.version" 2>/dev/null)" != "$version" ] || { echo "Kubernetes $version: built before"; exit 0; }

module=$bin/.module
rm -rf "$module"
mkdir "$module"
cd "$module"
go mod init -C "$module" cosignet.dev/test/tools/kubernetes 2>/dev/null
# Kubernetes' own go.mod lists its staging modules at v0.0.0, which nobody publishes.
theirs=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
for name in $(sed -n 's|^\t\(k8s.io/[a-z0-9-]*\) v0\.0\.0$|\1|p' "$theirs" | sort -u); do
  go mod edit -replace "$name=$name@$staging"
done
packages=("${programs[@]/#/k8s.io/kubernetes/cmd/}")
go get -tool "${packages[@]/%/@$version}" 2>get.log || { cat get.log >&2; exit 1; }
base=k8s.io/component-base/version
for name in "${programs[@]}"; do
  started=$SECONDS
  CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=$minor" \
    -o "$bin/$name" "k8s.io/kubernetes/cmd/$name"
  echo "$name $version: $((SECONDS - started)) s"
done
echo "$version" >"$bin/.version"
