# SPDX-License-Identifier: Apache-2.0
# `make` alone lists the targets. Everything runs through npm scripts, whose Node is the one that package.json pins.

RELEASE ?= cosignet
NAMESPACE ?= cosignet
HELM_FLAGS ?=
TOOLS_BIN ?= $(CURDIR)/.cache/tools/bin
export TOOLS_BIN

# A helm and a kubectl of your own are used before the ones that `make tools` builds.
HELM ?= $(or $(shell command -v helm),$(TOOLS_BIN)/helm)
KUBECTL ?= $(or $(shell command -v kubectl),$(TOOLS_BIN)/kubectl)

# npm writes this file last, so it is the sign of a complete installation of this lock file.
INSTALLED := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster check test test-browser test-shells test-node test-versions fuzz mutation tools build image sbom programs release publish bench soak endurance install uninstall docs-site clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

$(INSTALLED): package-lock.json
	npm ci
	@touch $@

demo: $(INSTALLED) ## Signed images admitted, others denied: no cluster, no Go, under two minutes
	@npm run --silent demo

demo-cluster: $(INSTALLED) tools ## The same on a real control plane, installed with helm
	@npm run --silent demo:cluster

check: $(INSTALLED) ## Types, lint, format, unit tests and drift checks, in about a minute
	npm run --silent types
	npm run --silent lint
	npm run --silent format:check
	npm run --silent test:unit

test: $(INSTALLED) tools ## Everything, on the real components; totals at the end
	@mkdir -p .cache
	npm run --silent test

test-browser: $(INSTALLED) ## The pages people look at, in a real browser (needs Chromium; CHROMIUM names another)
	npm run --silent test:browser

test-shells: $(INSTALLED) ## The completions in bash, zsh and fish (needs all three)
	npm run --silent test:shells

test-node: $(INSTALLED) tools image ## Pods for real: kubelet and containerd in a network of their own (root on Linux)
	test/tools/build.sh node
	@mkdir -p .cache
	test/node/run.sh npm run --silent test:node

test-versions: $(INSTALLED) tools build ## Install, admit and uninstall on Kubernetes 1.34, 1.35 and 1.37 (builds them: long)
	COSIGNET_PROGRAM=dist/cosignet.js npm run --silent test:versions

tools: ## Build the real components that tests run against (needs Go; cached in .cache/tools)
	test/tools/build.sh

build: $(INSTALLED) ## Bundle the program into dist/cosignet.js
	npm run --silent build

# REPOSITORY: where it will be pushed to; `make install` then uses it, by digest.
image: build ## Build the container image, reproducible and without a daemon: dist/image (REPOSITORY: where you push it)
	npm run --silent image -- $(if $(REPOSITORY),--repository '$(REPOSITORY)')

sbom: $(INSTALLED) ## Write the bill of materials: dist/cosignet.cdx.json
	npm run --silent sbom

programs: $(INSTALLED) ## Build the programs for download, which need no Node: dist/programs (PLATFORMS=linux-amd64: only that)
	npm run --silent programs -- $(PLATFORMS)

# KEY, REPOSITORY, URL: docs/how-to/verify-releases.md; RELEASE_FLAGS: what else release/release.ts takes.
release: build ## Write a whole release, signed: image, chart, programs, SBOM, provenance, checksums in dist/release
	PATH="$$PATH:$(TOOLS_BIN)" npm run --silent release -- \
	  --key '$(KEY)' --repository '$(REPOSITORY)' --url '$(URL)' $(RELEASE_FLAGS)

publish: $(INSTALLED) ## Push what `make release` wrote, with the credentials of crane
	PATH="$$PATH:$(TOOLS_BIN)" npm run --silent publish-release

fuzz: $(INSTALLED) ## Fuzz every reader of outside text for an hour (FUZZ_SECONDS for another time)
	npm run --silent fuzz -- --seconds $(or $(FUZZ_SECONDS),3600)

mutation: $(INSTALLED) ## Change the code that decides, one place at a time: do tests notice? (MUTATION_EVERY=20: a sample)
	npm run --silent mutation -- --every $(or $(MUTATION_EVERY),1) --seconds $(or $(MUTATION_SECONDS),7200)

# CONNAISSEUR, POLICY_CONTROLLER, KYVERNO: commands that start peers to measure beside (docs/explanation/performance.md).
bench: $(INSTALLED) tools build ## Requests beside cosign's, load beside a bare server and peers, scale, latency, start, admission: against their goals
	npm run --silent bench

soak: $(INSTALLED) build ## Mixed load for an hour: is memory flat? (SOAK_MINUTES for another time)
	npm run --silent soak

endurance: $(INSTALLED) tools build ## Ten minutes of 1,000 reviews a second while all changes, then four beside hostile neighbours (ENDURANCE_SECONDS, HOSTILE_SECONDS)
	COSIGNET_PROGRAM=dist/cosignet.js npm run --silent endurance
	COSIGNET_PROGRAM=dist/cosignet.js npm run --silent endurance:hostile

install: ## Install into the current cluster with helm (HELM_FLAGS for your values)
	$(HELM) upgrade --install $(RELEASE) helm --namespace $(NAMESPACE) --create-namespace --wait \
	  $(addprefix --values ,$(wildcard dist/image.yaml)) $(HELM_FLAGS)

# Webhook configurations first: left behind without a server, they would stop every Pod of the cluster.
uninstall: ## Remove it from the current cluster, with all its policies (KEEP_POLICIES=1 keeps those)
	$(KUBECTL) delete mutatingwebhookconfigurations,validatingwebhookconfigurations \
	  --selector app.kubernetes.io/name=cosignet,app.kubernetes.io/instance=$(RELEASE) --ignore-not-found
	$(HELM) uninstall $(RELEASE) --namespace $(NAMESPACE) --ignore-not-found --cascade foreground
# What still ends would keep the namespace; Helm 4's --wait fails where it hears of a smaller object's end before the Deployment's.
	@$(KUBECTL) --namespace $(NAMESPACE) wait --for=delete deployments,replicasets,pods \
	  --selector app.kubernetes.io/instance=$(RELEASE) --timeout=120s
ifndef KEEP_POLICIES
	$(KUBECTL) delete customresourcedefinitions \
	  imagepolicies.cosignet.dev namespacedimagepolicies.cosignet.dev --ignore-not-found
	@$(KUBECTL) --namespace $(NAMESPACE) get all,secrets,configmaps,persistentvolumeclaims --output name \
	  | grep -qv '^configmap/kube-root-ca.crt$$' && echo 'namespace $(NAMESPACE) is kept: it holds more' \
	  || $(KUBECTL) delete namespace $(NAMESPACE) --ignore-not-found
endif

# Its generator has a lock file of its own, so that nothing else waits for it.
docs-site: ## Build docs/ as a site in dist/docs; a dead link fails (SOURCES_URL: where links to sources lead)
	npm ci --prefix docs
	npm run --silent --prefix docs build

clean: ## Remove what was built (the tools in .cache stay)
	rm -rf dist
