{{- define "clout.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{- define "clout.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clout.labels" -}}
{{ include "clout.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "clout.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "clout.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "clout.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{/* What all pods have: the restricted profile. */}}
{{- define "clout.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "clout.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The configuration as a file and the secrets as files. */}}
{{- define "clout.mounts" -}}
- name: config
  mountPath: /etc/clout/clout.toml
  subPath: clout.toml
  readOnly: true
{{- range .Values.secrets }}
- name: {{ printf "secret-%s" . }}
  mountPath: {{ printf "/etc/clout/secrets/%s" . }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "clout.volumes" -}}
- name: config
  configMap:
    name: {{ include "clout.fullname" . }}
{{- range .Values.secrets }}
- name: {{ printf "secret-%s" . }}
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "clout.toml" -}}
application_id = {{ .Values.applicationId | quote }}
workers = {{ int .Values.scorer.workers }}
clock = {{ .Values.clock | quote }}
{{ range .Values.inputs }}
[[inputs]]
{{- range $name, $value := . }}
{{ $name }} = {{ $value | toString | quote }}
{{- end }}
{{ end }}
{{- range $section, $keys := .Values.settings }}
[{{ $section }}]
{{- range $name, $value := $keys }}
{{ $name }} = {{ $value | toString | quote }}
{{- end }}
{{ end }}
[checkpoints]
place = {{ .Values.checkpoints.place | quote }}
every = {{ .Values.checkpoints.every | quote }}
{{- range $name, $value := .Values.checkpoints.options }}
options.{{ $name }} = {{ $value | toString | quote }}
{{- end }}

[kafka]
"bootstrap.servers" = {{ .Values.kafka.bootstrapServers | quote }}
{{- range $name, $value := .Values.kafka.properties }}
{{ $name | quote }} = {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{/* What would not work, told before anything is installed. */}}
{{- define "clout.check" -}}
{{- $isUrl := contains "://" .Values.checkpoints.place }}
{{- if and $isUrl .Values.checkpoints.volume.enabled }}{{ fail "checkpoints.place is an object store: checkpoints.volume is of no use" }}{{ end }}
{{- if and (not $isUrl) (not .Values.checkpoints.volume.enabled) }}{{ fail "checkpoints.place is a folder: it needs checkpoints.volume, or name an object store" }}{{ end }}
{{- if and (not $isUrl) (not (hasPrefix "/var/lib/clout/" .Values.checkpoints.place)) }}{{ fail "checkpoints.place must lie below /var/lib/clout/, where the volume is" }}{{ end }}
{{- $many := or .Values.scorer.keda.enabled (gt (int .Values.scorer.replicas) 1) }}
{{- if and $many .Values.checkpoints.volume.enabled (not .Values.checkpoints.volume.existingClaim) (not (has "ReadWriteMany" .Values.checkpoints.volume.accessModes)) }}{{ fail "several scorers need checkpoints that all of them see: an object store, or a volume that is ReadWriteMany" }}{{ end }}
{{- if and .Values.strimzi.enabled .Values.topics.create }}{{ fail "topics are made by topics.create or by strimzi, not by both" }}{{ end }}
{{- if and .Values.strimzi.enabled (not .Values.strimzi.cluster) }}{{ fail "strimzi.cluster is the name of the Kafka object" }}{{ end }}
{{- end }}
