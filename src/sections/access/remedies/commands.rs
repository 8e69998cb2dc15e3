//! The command lines of remedies: kubectl's and those of the engines.

use super::{Platform, Situation, User};
use crate::model::access::Remedy;
use crate::model::pod_security::PodSecurityLevel;
use crate::model::shell::{quoted, word};
use crate::scan::proc_mount::ProcMount;

/// Root that reads everything and writes nothing, whatever the pod sets for its containers: the
/// one opens what the kernel guards, the other the files of another user.
const ROOT_CONTEXT: &str = "runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, \
     allowPrivilegeEscalation: false, \
     capabilities: {drop: [ALL], add: [SYS_PTRACE, DAC_READ_SEARCH]}";
/// The same for an engine.
pub(super) const ROOT_FLAGS: &str =
    "--user 0:0 --cap-drop ALL --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH";

impl Situation<'_> {
    /// `--profile=general` alone would leave a user that the pod sets, and with it no capability.
    pub(super) fn kubectl_as_root(&self, title: &str, more: &str) -> Remedy {
        Remedy {
            title: title.to_owned(),
            pod_security: Some(PodSecurityLevel::Privileged),
            commands: vec![
                format!("printf 'securityContext: {{{ROOT_CONTEXT}{more}}}' > root.yaml"),
                self.kubectl(" --profile=general --custom=root.yaml"),
            ],
        }
    }

    pub(super) fn kubernetes(&self) -> bool {
        matches!(
            self.place.platform,
            Platform::Kubernetes | Platform::Unknown
        )
    }

    pub(super) fn engines(&self) -> Vec<Engine> {
        match self.place.platform {
            Platform::Kubernetes => Vec::new(),
            Platform::Docker => vec![Engine::Docker],
            Platform::Podman => vec![Engine::Podman],
            // Their words are the same, but for user namespaces.
            Platform::Unknown if self.other_user_namespace => vec![Engine::Docker, Engine::Podman],
            Platform::Unknown => vec![Engine::Either],
        }
    }

    pub(super) fn kubectl(&self, more: &str) -> String {
        format!(
            "kubectl debug -it -n {} {} --image={} --target={}{more}",
            word(self.place.namespace.as_deref(), "NAMESPACE"),
            word(self.place.pod.as_deref(), "POD"),
            quoted(&self.place.image),
            word(self.place.container.as_deref(), "CONTAINER"),
        )
    }

    pub(super) fn engine(&self, engine: Engine, title: &str, words: &str) -> Remedy {
        let id = self
            .place
            .id
            .as_ref()
            .map(|id| id.chars().take(12).collect::<String>());
        let name = word(id.as_deref(), "NAME");
        let (program, with) = match engine {
            Engine::Docker => ("docker", ", with Docker"),
            Engine::Podman => ("podman", ", with Podman"),
            Engine::Either => ("docker", ", with Docker (or Podman, same options)"),
        };
        let userns = if self.other_user_namespace && engine == Engine::Podman {
            format!(" --userns=container:{name}")
        } else {
            String::new()
        };
        Remedy {
            title: format!("{title}{with}"),
            pod_security: None,
            commands: vec![format!(
                "{program} run --rm -it --pid=container:{name} --network=container:{name}{userns} {words} {} access",
                quoted(&self.place.image)
            )],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Docker,
    Podman,
    Either,
}

/// A partial container for `--custom`.
pub(super) fn context(user: &User) -> String {
    let non_root = user.uid != "0";
    let drop = if user.keep {
        ""
    } else {
        "capabilities: {drop: [ALL]}, "
    };
    format!(
        "securityContext: {{runAsUser: {}, runAsGroup: {}, runAsNonRoot: {non_root}, \
         allowPrivilegeEscalation: false, {drop}seccompProfile: {{type: RuntimeDefault}}}}",
        user.uid, user.gid
    )
}

pub(super) fn remount(mount: &ProcMount) -> Remedy {
    let mount_point = String::from_utf8_lossy(&mount.mount_point);
    Remedy {
        title: "mount /proc without hidepid".to_owned(),
        pod_security: Some(PodSecurityLevel::Privileged),
        commands: vec![format!(
            "mount -o remount,hidepid=0 {}",
            word(Some(&mount_point), "/proc")
        )],
    }
}
