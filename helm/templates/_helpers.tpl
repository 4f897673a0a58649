{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "cosignet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 48 characters leave room for suffixes and a Pod's own. */}}
{{- define "cosignet.fullname" -}}
{{- /* Asked for by every template first: `helm upgrade --reuse-values` has no value that the former chart had not. */}}
{{- range list "ports" "podSecurityContext" "criticalPodsQuota" }}
{{- if not (hasKey $.Values .) }}
{{- fail (printf "the value %s is missing: upgrade with --reset-then-reuse-values instead of --reuse-values, which leaves out new values." .) }}
{{- end }}
{{- end }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- $name := include "cosignet.name" . }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "cosignet.selectorLabels" -}}
app.kubernetes.io/name: {{ include "cosignet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cosignet.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "cosignet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "cosignet.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "cosignet.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Two names, so that one provider never finds the other's. */}}
{{- define "cosignet.tlsSecret" -}}
{{ include "cosignet.fullname" . }}-{{ ternary "cert-manager-tls" "tls" (eq .Values.certificates.provider "cert-manager") }}
{{- end }}

{{- define "cosignet.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag }}
{{- $repository := required "image.repository is empty: name the registry and repository that you pushed Cosignet's image to, for example registry.example.com/cosignet; `make image REPOSITORY=…` records it for `make install`." .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s:%s@%s" $repository $tag .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository $tag }}
{{- end }}
{{- end }}

{{/* Of every Pod of the chart. On OpenShift the namespace's security context constraints choose user and groups. */}}
{{- define "cosignet.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext }}
{{- if .Capabilities.APIVersions.Has "security.openshift.io/v1" }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{/* The configuration file. The release's own namespace is excluded whatever the values say. */}}
{{- define "cosignet.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $audited := list }}
{{- range include "cosignet.auditedNamespaces" . | fromYamlArray }}
{{- $audited = append $audited (dict "name" . "mode" "Audit") }}
{{- end }}
{{- $_ := set $config "excludedNamespaces" (concat (include "cosignet.unseenNamespaces" . | fromYamlArray) $audited) }}
{{- /* Without its right there is nothing to scan. */}}
{{- if not .Values.backgroundScan.enabled }}
{{- $_ := set $config "backgroundScan" (merge (dict "enabled" false) (get $config "backgroundScan" | default dict)) }}
{{- end }}
{{- if not (include "cosignet.namespacedPolicies" .) }}
{{- $_ := set $config "namespacedPolicies" false }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Its port where the dashboard is on. `helm upgrade --reuse-values` has no value from before there was one. */}}
{{- define "cosignet.dashboardPort" -}}
{{- if dig "enabled" false (default dict .Values.dashboard) }}
{{- if .Values.hostNetwork }}
{{- fail "dashboard.enabled cannot be used with hostNetwork: the loopback address would be the node's, and every process there could read the dashboard." }}
{{- end }}
{{- dig "port" 8082 .Values.dashboard }}
{{- end }}
{{- end }}

{{/* Not empty: they are followed. `helm upgrade --reuse-values` has no value from before there were any. */}}
{{- define "cosignet.namespacedPolicies" -}}
{{- if dig "enabled" true (default dict .Values.namespacedPolicies) }}true{{ end }}
{{- end }}

{{/* Not empty: the background scan writes reports of this kind. */}}
{{- define "cosignet.reports" -}}
{{- $reports := dig "backgroundScan" "reports" "None" .Values.config }}
{{- if ne $reports "None" }}{{ $reports }}{{ end }}
{{- end }}

{{/* Not empty: a trust root is followed in a TUF repository, which needs a folder to write to. */}}
{{- define "cosignet.followsTuf" -}}
{{- range .Values.config.trustRoots }}{{ if .tuf }}true{{ end }}{{ end }}
{{- end }}

{{/* In which nothing is refused. */}}
{{- define "cosignet.excludedNamespaces" -}}
{{- concat (include "cosignet.unseenNamespaces" . | fromYamlArray) (include "cosignet.auditedNamespaces" . | fromYamlArray) | toYaml }}
{{- end }}

{{/* Of those the ones that are not looked at. */}}
{{- define "cosignet.unseenNamespaces" -}}
{{- $names := list .Release.Namespace }}
{{- range .Values.config.excludedNamespaces }}
{{- if kindIs "string" . }}{{ $names = append $names . }}{{ end }}
{{- end }}
{{- range .Values.excludedNamespaceSets }}
{{- if kindIs "string" . }}{{ $names = concat $names (include "cosignet.namespaceSet" (list $ .) | fromYamlArray) }}{{ end }}
{{- end }}
{{- uniq $names | toYaml }}
{{- end }}

{{/* And the ones that are. */}}
{{- define "cosignet.auditedNamespaces" -}}
{{- $names := list }}
{{- range .Values.config.excludedNamespaces }}
{{- if kindIs "map" . }}{{ $names = append $names .name }}{{ end }}
{{- end }}
{{- range .Values.excludedNamespaceSets }}
{{- if kindIs "map" . }}{{ $names = concat $names (include "cosignet.namespaceSet" (list $ .name) | fromYamlArray) }}{{ end }}
{{- end }}
{{- $unseen := include "cosignet.unseenNamespaces" . | fromYamlArray }}
{{- $audited := list }}
{{- range uniq $names }}
{{- if not (has . $unseen) }}{{ $audited = append $audited . }}{{ end }}
{{- end }}
{{- toYaml $audited }}
{{- end }}

{{/* The chart and the name of a set. */}}
{{- define "cosignet.namespaceSet" -}}
{{- get ((index . 0).Files.Get "files/namespaces.yaml" | fromYaml) (index . 1) | toYaml }}
{{- end }}

{{/* What both webhook configurations share: where to call, for which objects. */}}
{{- define "cosignet.webhook" -}}
admissionReviewVersions: [v1]
sideEffects: None
matchPolicy: Equivalent
failurePolicy: {{ .Values.webhook.failurePolicy }}
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
# The API server sets this label itself. Our own Pods must start without us.
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        {{- include "cosignet.excludedNamespaces" . | nindent 8 }}
rules:
  - {apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods, replicationcontrollers, podtemplates], scope: Namespaced}
  - {apiGroups: [''], apiVersions: [v1], operations: [UPDATE], resources: [pods/ephemeralcontainers], scope: Namespaced}
  - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments, replicasets, statefulsets, daemonsets], scope: Namespaced}
  - {apiGroups: [batch], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [jobs, cronjobs], scope: Namespaced}
{{- range .Values.config.workloads }}
  - {apiGroups: [{{ quote .group }}], apiVersions: [{{ quote .version }}], operations: [CREATE, UPDATE], resources: [{{ quote .resource }}], scope: Namespaced}
{{- end }}
# Housekeeping by Kubernetes itself (finalizers, scaling, kubelets) goes on while no replica runs.
matchConditions:
  # By the node's own credentials *and* the annotation: anybody can write an annotation.
  - name: not-a-mirror-pod
    expression: >-
      !(request.resource.group == '' && request.resource.resource == 'pods'
      && has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups
      && has(object.metadata.annotations) && 'kubernetes.io/config.mirror' in object.metadata.annotations)
  # Everything else in a Pod that can hold an image is immutable, save ephemeralContainers, a subresource.
  - name: pod-images-changed
    expression: >-
      request.operation != 'UPDATE' || request.resource.group != '' || request.resource.resource != 'pods'
      || (has(request.subResource) && request.subResource != '')
      || object.spec.containers.map(c, has(c.image) ? c.image : '') != oldObject.spec.containers.map(c, has(c.image) ? c.image : '')
      || (has(object.spec.initContainers) ? object.spec.initContainers.map(c, has(c.image) ? c.image : '') : [])
      != (has(oldObject.spec.initContainers) ? oldObject.spec.initContainers.map(c, has(c.image) ? c.image : '') : [])
  - name: template-changed
    expression: >-
      request.operation != 'UPDATE' || request.resource.resource == 'pods'
      || !(request.resource.group in ['', 'apps', 'batch'])
      || !has(object.spec) || !has(oldObject.spec)
      || !(has(object.spec.template) && has(oldObject.spec.template) && object.spec.template == oldObject.spec.template
      || has(object.spec.jobTemplate) && has(oldObject.spec.jobTemplate) && object.spec.jobTemplate == oldObject.spec.jobTemplate)
  {{- with include "cosignet.workloadFields" . | fromJsonArray }}
  # A custom resource may have images anywhere in these.
  - name: custom-resource-changed
    expression: >-
      request.operation != 'UPDATE' || request.resource.group in ['', 'apps', 'batch']
      {{- range . }}
      || !('{{ . }}' in object && '{{ . }}' in oldObject && object['{{ . }}'] == oldObject['{{ . }}'])
      {{- end }}
  {{- end }}
{{- end }}

{{/* Of custom resources the fields, at the top, that hold images. */}}
{{- define "cosignet.workloadFields" -}}
{{- $fields := list }}
{{- range .Values.config.workloads }}
{{- range compact (append (default list .images) (default "" .podSpec)) }}
{{- $fields = append $fields (regexFind "^[A-Za-z0-9_-]+" .) }}
{{- end }}
{{- end }}
{{- uniq $fields | toJson }}
{{- end }}

{{/* Not empty: API servers prove themselves by the path that they call. */}}
{{- define "cosignet.pathToken" -}}
{{- if dig "pathToken" true .Values.webhook }}true{{ end }}
{{- end }}

{{/* What the leading replica registers, once API servers reach it. */}}
{{- define "cosignet.registration" -}}
{{- $name := include "cosignet.fullname" . }}
pathToken: {{ if include "cosignet.pathToken" . }}true{{ else }}false{{ end }}
{{- range $list, $endpoint := dict "mutating" "mutate" "validating" "validate" }}
{{- $service := dict "name" $name "namespace" $.Release.Namespace "path" (printf "/%s" $endpoint) "port" $.Values.service.port }}
{{ $list }}:
  - name: {{ $endpoint }}.cosignet.dev
    clientConfig:
      service:
        {{- toYaml $service | nindent 8 }}
    {{- if eq $endpoint "mutate" }}
    # Containers that a later webhook adds are pinned as well.
    reinvocationPolicy: IfNeeded
    {{- end }}
    {{- include "cosignet.webhook" $ | nindent 4 }}
  {{- $audited := include "cosignet.auditedNamespaces" $ | fromYamlArray }}
  {{- if and $audited (eq $endpoint "validate") }}
  # What is only looked at waits for nobody.
  - name: audit.cosignet.dev
    clientConfig:
      service:
        {{- toYaml $service | nindent 8 }}
    {{- $selected := dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" $audited }}
    {{- $audit := dict "failurePolicy" "Ignore" "timeoutSeconds" 2 "namespaceSelector" (dict "matchExpressions" (list $selected)) }}
    {{- merge $audit (omit (include "cosignet.webhook" $ | fromYaml) "namespaceSelector") | toYaml | nindent 4 }}
  {{- end }}
  {{- if eq $endpoint "validate" }}
  # Warns whoever writes a policy; refuses none, and nobody waits for it.
  - name: policies.cosignet.dev
    clientConfig:
      service:
        {{- merge (dict "path" "/policies") $service | toYaml | nindent 8 }}
    admissionReviewVersions: [v1]
    sideEffects: None
    matchPolicy: Equivalent
    failurePolicy: Ignore
    timeoutSeconds: 2
    rules:
      - {apiGroups: [cosignet.dev], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [imagepolicies{{ if include "cosignet.namespacedPolicies" $ }}, namespacedimagepolicies{{ end }}], scope: '*'}
  # Older definitions, by which policies would lose what they say. The API server asks about no others, nor where it is told
  # that they may.
  - name: definitions.cosignet.dev
    clientConfig:
      service:
        {{- merge (dict "path" "/definitions") $service | toYaml | nindent 8 }}
    admissionReviewVersions: [v1]
    sideEffects: None
    matchPolicy: Equivalent
    failurePolicy: Ignore
    timeoutSeconds: 5
    rules:
      - {apiGroups: [apiextensions.k8s.io], apiVersions: [v1], operations: [UPDATE], resources: [customresourcedefinitions], scope: Cluster}
    matchConditions:
      - name: of-policies
        expression: request.name in ['imagepolicies.cosignet.dev'{{ if include "cosignet.namespacedPolicies" $ }}, 'namespacedimagepolicies.cosignet.dev'{{ end }}]
      - name: changed
        expression: object.spec != oldObject.spec
      - name: may-not-drop-fields
        expression: >-
          !(has(object.metadata.annotations) && 'cosignet.dev/drop-fields' in object.metadata.annotations
          && object.metadata.annotations['cosignet.dev/drop-fields'] == 'true')
  {{- end }}
{{- end }}
{{- if .Values.digestRequired.enabled }}
digestRequired:
  name: {{ $name }}-digest-required
  spec:
    policyName: {{ $name }}-digest-required
    validationActions: [{{ .Values.digestRequired.action }}]
{{- end }}
{{- end }}

{{/* The keys of the default policy, as a JSON list; fails on what can't be meant. */}}
{{- define "cosignet.defaultKeys" -}}
{{- $keys := .Values.defaultPolicy.keys }}
{{- $pem := trim .Values.notary.rootPubKey }}
{{- if and $pem (not .Values.notary.isCosign) }}
{{- fail "notary.rootPubKey is set but notary.isCosign is false: Notary v1 is not supported. Set notary.isCosign to true if the key is a cosign public key." }}
{{- end }}
{{- if and .Values.notary.isCosign (not $pem) }}
{{- fail "notary.isCosign is true but notary.rootPubKey is empty: paste the content of cosign.pub." }}
{{- end }}
{{- if $pem }}
{{- $keys = prepend $keys (dict "name" "cosign.pub" "pem" (printf "%s\n" $pem)) }}
{{- end }}
{{- range $index, $key := $keys }}
{{- $text := default "" $key.pem }}
{{- if contains "PRIVATE KEY" $text }}
{{- fail (printf "key %s of the default policy is a private key: paste cosign.pub, and replace the key pair, because Helm may have stored this one in the cluster." (default $index $key.name | toString)) }}
{{- end }}
{{- if and $text (not (regexMatch "-----BEGIN (RSA )?PUBLIC KEY-----" $text)) }}
{{- fail (printf "key %s of the default policy is not a public key in PEM: it must start with -----BEGIN PUBLIC KEY-----." (default $index $key.name | toString)) }}
{{- end }}
{{- if gt (regexFindAll "-----BEGIN " $text -1 | len) 1 }}
{{- fail (printf "key %s of the default policy holds several keys: give each an entry of its own in defaultPolicy.keys." (default $index $key.name | toString)) }}
{{- end }}
{{- end }}
{{- toJson $keys }}
{{- end }}
