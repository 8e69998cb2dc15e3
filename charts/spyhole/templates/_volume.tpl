{{- /* spyhole in a volume of the application's own container; from a chart that depends on this one, as
`.Subcharts.spyhole`: the mount, and either the initContainer with its volume, or the volume of type image. */}}
{{- define "spyhole.mount" -}}
{{- list (.Files.Get "init-volume/mount.yaml" | fromYaml).mount | toYaml }}
{{- end }}

{{- define "spyhole.init-volume" -}}
{{- $patch := .Files.Get "init-volume/patch.yaml" | fromYaml }}
{{- $container := first $patch.spec.template.spec.initContainers }}
{{- $_ := set $container "image" (include "spyhole.image" .) }}
{{- $_ := set $container "imagePullPolicy" .Values.image.pullPolicy }}
{{- list $container | toYaml }}
{{- end }}

{{- define "spyhole.init-volume.volume" -}}
{{- $patch := .Files.Get "init-volume/patch.yaml" | fromYaml }}
{{- $patch.spec.template.spec.volumes | toYaml }}
{{- end }}

{{- define "spyhole.image-volume.volume" -}}
{{- $patch := .Files.Get "image-volume/patch.yaml" | fromYaml }}
{{- $volume := first $patch.spec.template.spec.volumes }}
{{- $_ := set $volume "image" (dict "reference" (include "spyhole.image" .) "pullPolicy" .Values.image.pullPolicy) }}
{{- list $volume | toYaml }}
{{- end }}
