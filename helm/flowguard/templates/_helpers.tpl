{{/* Names: RELEASE-flowguard, or the release's alone where that says it already. */}}
{{- define "flowguard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "flowguard.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := include "flowguard.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* What never changes, of (dict "root" $ "component" "envoy"). */}}
{{- define "flowguard.selector" -}}
app.kubernetes.io/name: {{ include "flowguard.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "flowguard.labels" -}}
{{ include "flowguard.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "flowguard.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "flowguard.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* An image, of (dict "root" $ "image" .Values.image "value" "image"). */}}
{{- define "flowguard.image" -}}
{{- $hint := printf "%s.repository is empty: where you pushed the image that the folder of the release builds" .value }}
{{- $repository := required $hint .image.repository }}
{{- if .image.digest }}
{{- printf "%s@%s" $repository .image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}

{{/* Whether control planes share a store; nothing where one has everything to itself. */}}
{{- define "flowguard.isShared" -}}
{{- if .Values.settings.STORE_URL }}true{{ end }}
{{- end }}

{{/* The Service of the port for decisions, by its name from anywhere in the cluster. */}}
{{- define "flowguard.decisionsHost" -}}
{{- printf "%s-decisions.%s.svc.%s" (include "flowguard.fullname" .) .Release.Namespace .Values.clusterDomain }}
{{- end }}

{{/* Whom Envoys ask where control planes share a store: each by its own address, and besides by that of
     their Service, which leads to one that is ready before the others' addresses are found. */}}
{{- define "flowguard.controlPlanes" -}}
{{- $each := printf "%s-control-planes.%s.svc.%s" (include "flowguard.fullname" .) .Release.Namespace .Values.clusterDomain }}
{{- printf "%s:9095,%s:9095" $each (include "flowguard.decisionsHost" .) }}
{{- end }}

{{/* The settings that name files of the store, by which key of which Secret each is. */}}
{{- define "flowguard.storeSecrets" -}}
{{- $secrets := dict }}
{{- range $setting, $file := dict "STORE_PASSWORD_FILE" "password" "STORE_CA_FILE" "ca" }}
{{- with (index $.Values.store $file) }}
{{- if .secret }}
{{- if not (include "flowguard.isShared" $) }}
{{- fail (printf "store.%s.secret is set, and settings.STORE_URL is empty: it is for a store that is shared" $file) }}
{{- end }}
{{- if index $.Values.settings $setting }}
{{- fail (printf "store.%s.secret and settings.%s are both set: one of them names the file" $file $setting) }}
{{- end }}
{{- $_ := set $secrets $setting (dict "secret" .secret "key" .key "path" $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $secrets }}
{{- end }}

{{/* Nothing where whoever reaches a port may use it, of (dict "root" $ "setting" "ADMIN_AUTH"). */}}
{{- define "flowguard.takesToken" -}}
{{- if ne (index .root.Values.settings .setting | default "auto") "off" }}true{{ end }}
{{- end }}

{{/* Refuses what would not start, or what nobody could call: ports of a pod are reached by others. */}}
{{- define "flowguard.checkAuth" -}}
{{- $way := "name a Secret of one, or leave the ports to the NetworkPolicy with settings.%s=\"off\"" }}
{{- $admin := include "flowguard.takesToken" (dict "root" . "setting" "ADMIN_AUTH") }}
{{- $decide := include "flowguard.takesToken" (dict "root" . "setting" "DECIDE_AUTH") }}
{{- $hasToken := or .Values.auth.admin.secret .Values.settings.ADMIN_TOKEN_FILE }}
{{- if and .Values.auth.admin.secret .Values.settings.ADMIN_TOKEN_FILE }}
{{- fail "auth.admin.secret and settings.ADMIN_TOKEN_FILE are both set: one of them names the file" }}
{{- end }}
{{- if and $admin (not $hasToken) }}
{{- fail (printf "auth.admin.secret is empty, and whoever calls the APIs has to show a token: %s" (printf $way "ADMIN_AUTH")) }}
{{- end }}
{{- if and $decide (not $hasToken) }}
{{- fail (printf "auth.admin.secret is empty, and whoever asks for decisions has to show a token: %s" (printf $way "DECIDE_AUTH")) }}
{{- end }}
{{- if and $decide .Values.envoy.enabled (not .Values.auth.decide.secret) }}
{{- fail (printf "auth.decide.secret is empty, and Envoy has to show a token: %s" (printf $way "DECIDE_AUTH")) }}
{{- end }}
{{- end }}

{{/* By what Host the APIs and the metrics are called, besides addresses: the Service's names. */}}
{{- define "flowguard.allowedHosts" -}}
{{- $name := include "flowguard.fullname" . }}
{{- $local := printf "%s.%s" $name .Release.Namespace }}
{{- $hosts := list $name $local (printf "%s.svc" $local) (printf "%s.svc.%s" $local .Values.clusterDomain) }}
{{- with .Values.settings.ALLOWED_HOSTS }}{{ $hosts = append $hosts . }}{{ end }}
{{- join "," $hosts }}
{{- end }}

{{/* What every container of FlowGuard's own is told. Ports are fixed: a Service says where it is. */}}
{{- define "flowguard.env" -}}
{{- $ports := dict "PROXY_PORT" 8080 "METRICS_PORT" 9090 "CONFIG_PORT" 9091 "GRPC_PORT" 9092 "DECISION_PORT" 9095 "ENVOY_ADMIN_PORT" 9901 }}
{{- $own := merge $ports (dict "BIND_ADDRESS" "0.0.0.0" "ALLOWED_HOSTS" (include "flowguard.allowedHosts" .)) }}
{{- if and (include "flowguard.isShared" .) (not .Values.settings.CONTROL_PLANES) }}
{{- $_ := set $own "CONTROL_PLANES" (include "flowguard.controlPlanes" .) }}
{{- end }}
{{- /* Whoever reaches the proxy's Service is believed, unless FLOWGUARD_IDENTITY says otherwise. */}}
{{- if not (hasKey .Values.settings "TRUST_CLIENT_HEADER") }}
{{- $_ := set $own "TRUST_CLIENT_HEADER" true }}
{{- end }}
{{- range $name, $value := merge $own .Values.settings }}
- name: {{ $name }}
  {{- /* Helm reads each number as one with a fraction. */}}
  value: {{ if kindIs "float64" $value }}{{ $value | int64 | toString | toJson }}{{ else }}{{ $value | toString | toJson }}{{ end }}
{{- end }}
{{- end }}

{{/* The Pod Security Standard "restricted". */}}
{{- define "flowguard.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- range $name, $id := . }}
{{- if not (kindIs "invalid" $id) }}
{{ $name }}: {{ $id | int64 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "flowguard.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a pod may run, of (dict "root" $ "values" .Values "component" …). */}}
{{- define "flowguard.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
