#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the real components that the tests run against, from the Go module proxy.
# Usage: test/tools/build.sh [NAME ...]     (no name: those of a control plane and a registry; `node`: those of a node)
# Binaries go to TOOLS_BIN, default .cache/tools/bin; what is already built from this go.sum is kept.
# KUBEBUILDER_ASSETS: a folder with etcd, kube-apiserver and kubectl, used instead of building those.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=${TOOLS_BIN:-$root/.cache/tools/bin}
mkdir -p "$bin"

kubernetes_version=$(cd "$here" && sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod)
[ -n "$kubernetes_version" ] || { echo "go.mod names no k8s.io/kubernetes" >&2; exit 1; }
minor=${kubernetes_version#v1.}
minor=${minor%%.*}
base=k8s.io/component-base/version
kubernetes_flags="-X $base.gitVersion=$kubernetes_version -X $base.gitMajor=1 -X $base.gitMinor=$minor"

# name -> package, smallest first so that a broken set-up shows early
names=(crane referrers-registry promql-check registry cosign helm helm3 kubectl etcd kube-controller-manager kube-apiserver)
node_names=(resident bridge loopback host-local containerd-shim-runc-v2 containerd kube-scheduler kube-proxy kubelet)
package_of() {
  case $1 in
    crane) echo github.com/google/go-containerregistry/cmd/crane ;;
    referrers-registry) echo ./referrers-registry ;;
    promql-check) echo . ;;
    registry) echo ./registry ;;
    cosign) echo github.com/sigstore/cosign/v3/cmd/cosign ;;
    helm) echo helm.sh/helm/v4/cmd/helm ;;
    # The former major version, which many have.
    helm3) echo helm.sh/helm/v3/cmd/helm ;;
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    kubectl | kubelet | kube-*) echo "k8s.io/kubernetes/cmd/$1" ;;
    resident) echo ./resident ;;
    containerd | containerd-shim-runc-v2) echo "github.com/containerd/containerd/v2/cmd/$1" ;;
    bridge | loopback) echo "github.com/containernetworking/plugins/plugins/main/$1" ;;
    host-local) echo github.com/containernetworking/plugins/plugins/ipam/host-local ;;
    *) echo "unknown tool: $1 (one of: ${names[*]} ${node_names[*]})" >&2; return 1 ;;
  esac
}

# A Go module of its own moves none of the others' dependencies.
module_of() {
  case $1 in
    promql-check) echo "$here/promql" ;;
    containerd | containerd-shim-runc-v2 | bridge | loopback | host-local) echo "$here/runtime" ;;
    *) echo "$here" ;;
  esac
}

# What a module's programs are built from, beside what its go.sum pins.
stamp_of() {
  cat "$here/build.sh" "$1"/go.mod "$1"/go.sum $(find "$1" -name '*.go' | sort) | sha256sum | cut -d' ' -f1
}

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${names[@]}")
[ "${wanted[*]}" != node ] || wanted=("${node_names[@]}")

count=0
for name in "${wanted[@]}"; do
  count=$((count + 1))
  package=$(package_of "$name")
  module=$(module_of "$name")
  stamp=$(stamp_of "$module")
  if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -x "$KUBEBUILDER_ASSETS/$name" ]; then
    ln -sf "$KUBEBUILDER_ASSETS/$name" "$bin/$name"
    echo "[$count/${#wanted[@]}] $name: from KUBEBUILDER_ASSETS"
    continue
  fi
  if [ -x "$bin/$name" ] && [ "$(cat "$bin/.$name.stamp" 2>/dev/null)" = "$stamp" ]; then
    echo "[$count/${#wanted[@]}] $name: built before"
    continue
  fi
  command -v go >/dev/null || { echo "go is not installed; it builds $name (or set KUBEBUILDER_ASSETS and TOOLS_BIN)" >&2; exit 1; }
  started=$SECONDS
  echo "[$count/${#wanted[@]}] $name: building $package"
  (cd "$module" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w $kubernetes_flags" -o "$bin/$name.new" "$package")
  mv "$bin/$name.new" "$bin/$name"
  echo "$stamp" >"$bin/.$name.stamp"
  echo "[$count/${#wanted[@]}] $name: $((SECONDS - started)) s"
done
