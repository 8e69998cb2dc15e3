{{- /* One of initContainers, which with its restartPolicy is a sidecar; from a chart that depends on this one:
include "spyhole.sidecar" .Subcharts.spyhole. The pod needs shareProcessNamespace, and the volume below. */}}
{{- define "spyhole.sidecar" -}}
{{- $patch := .Files.Get "sidecar/patch.yaml" | fromYaml }}
{{- $container := first $patch.spec.template.spec.initContainers }}
{{- if .Values.sidecar.http }}
{{- $http := .Files.Get "sidecar/http/patch.yaml" | fromYaml }}
{{- $container = mergeOverwrite $container (first $http.spec.template.spec.initContainers) }}
{{- $_ := unset $container.livenessProbe "exec" }}
{{- end }}
{{- $_ := set $container "image" (include "spyhole.image" .) }}
{{- $_ := set $container "imagePullPolicy" .Values.image.pullPolicy }}
{{- list $container | toYaml }}
{{- end }}

{{- define "spyhole.sidecar.volume" -}}
{{- $patch := .Files.Get "sidecar/patch.yaml" | fromYaml }}
{{- $volume := first $patch.spec.template.spec.volumes }}
{{- $_ := set $volume.secret "secretName" .Values.tokenSecret }}
{{- list $volume | toYaml }}
{{- end }}
