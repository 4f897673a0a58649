#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes distribution.json: what the kubelet's own parser makes of many references. Needs Go.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../../tools"
go run "$here/generate.go" >"$here/distribution.json.new"
mv "$here/distribution.json.new" "$here/distribution.json"
