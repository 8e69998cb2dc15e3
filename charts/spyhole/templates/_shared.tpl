{{- define "spyhole.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* A document of manifests/, with the labels by which Helm knows its own, and in the namespace of the
release where it has one: include "spyhole.document" (list . DOCUMENT) */}}
{{- define "spyhole.document" -}}
{{- $top := index . 0 }}
{{- $document := index . 1 }}
{{- $own := dict "app.kubernetes.io/managed-by" $top.Release.Service "helm.sh/chart" (printf "%s-%s" $top.Chart.Name $top.Chart.Version) }}
{{- $_ := set $document.metadata "labels" (merge $own ($document.metadata.labels | default dict)) }}
{{- if ne $document.kind "ClusterRole" }}
{{- $_ := set $document.metadata "namespace" $top.Release.Namespace }}
{{- end }}
{{- toYaml $document }}
{{- end }}
