//! Chooses what would help against a refusal, as command lines to paste with the real values.

mod commands;
mod ruled_out;

use crate::model::access::{Remedy, RuledOut};
use crate::model::gap::Reason;
use crate::model::pod_security::PodSecurityLevel;
use crate::parse::capabilities::{self, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE};
use crate::rights::default_capabilities;
use crate::rights::ptrace_access::{Blocker, Credentials, uniform};
use crate::scan::proc_mount::ProcMount;
use commands::{Engine, ROOT_FLAGS, context, remount};
use ruled_out::RuledOutReason;

/// Whose commands help here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    Kubernetes,
    Docker,
    Podman,
    /// Unknown: all are listed.
    Unknown,
}

/// Where viewer and target are, and what things are called there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) platform: Platform,
    /// The container runtime, as the target's cgroup names it.
    pub(super) runtime: Option<&'static str>,
    /// The namespace of the pod.
    pub(super) namespace: Option<String>,
    /// The pod's hostname.
    pub(super) pod: Option<String>,
    /// The container's name in Kubernetes.
    pub(super) container: Option<String>,
    /// The runtime's id of the container.
    pub(super) id: Option<String>,
    /// The name of spyhole's image.
    pub(super) image: String,
}

/// What the advice depends on.
pub(super) struct Situation<'a> {
    pub(super) place: &'a Place,
    pub(super) viewer: &'a Credentials,
    pub(super) target: &'a Credentials,
    /// Uid and gid of the target as its own user namespace numbers them.
    pub(super) inside: Option<(u32, u32)>,
    pub(super) other_user_namespace: bool,
    pub(super) blockers: &'a [Blocker],
    /// The mount of /proc, where it hides processes from this viewer.
    pub(super) hiding: Option<&'a ProcMount>,
    /// Only spyhole itself was found.
    pub(super) nobody_else: bool,
    /// What a security module calls viewer and target.
    pub(super) labels: [&'a Option<String>; 2],
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) remedies: Vec<Remedy>,
    pub(super) ruled_out: Vec<RuledOut>,
}

/// What would help; nothing where nothing is refused.
pub(super) fn advise(situation: &Situation<'_>) -> Advice {
    let mut advice = Advice::default();
    let blocked_by = |reason| {
        situation
            .blockers
            .iter()
            .any(|blocker| blocker.reason == reason)
    };
    if situation.blockers.is_empty() {
        return advice;
    }
    if blocked_by(Reason::SecurityModule) {
        situation.unconfined(&mut advice);
        return advice;
    }
    if situation.nobody_else {
        if let Some(mount) = situation.hiding {
            situation.unhidden(mount, &mut advice);
        }
        return advice;
    }
    match situation.as_target() {
        Ok(user) => situation.run_as(&user, &mut advice),
        Err(because) => advice.ruled_out.push(RuledOut {
            title: AS_TARGET.to_owned(),
            because: because.to_string(),
        }),
    }
    situation.run_as_root(&mut advice);
    if let Some(mount) = situation.hiding {
        advice.remedies.push(remount(mount));
    }
    advice
}

const AS_TARGET: &str = "run spyhole as the target's user";
const AS_ROOT: &str = "run spyhole as root with SYS_PTRACE and DAC_READ_SEARCH";
/// What the container must be to pass the kernel's comparison.
struct User {
    uid: String,
    gid: String,
    /// Capabilities that have to be added.
    add: Vec<String>,
    /// Whether those that a runtime gives to root are needed.
    keep: bool,
}

impl Situation<'_> {
    /// Whether, and with which ids, a caller passes without `CAP_SYS_PTRACE`.
    fn as_target(&self) -> Result<User, RuledOutReason> {
        let target = self.target;
        if self
            .blockers
            .iter()
            .any(|blocker| blocker.reason == Reason::NotDumpable)
        {
            return Err(RuledOutReason::NotDumpable);
        }
        if let (Some(uid), Some(gid)) = (target.uid, target.gid)
            && (uniform(uid).is_none() || uniform(gid).is_none())
        {
            return Err(RuledOutReason::MixedIds);
        }
        if self.is_target_already() {
            return Err(self.runs_that_way());
        }
        let text = |id: Option<u32>, word: &str| id.map_or(word.to_owned(), |id| id.to_string());
        let (uid, gid) = self.inside.unzip();
        let permitted = target.cap_permitted.unwrap_or_default();
        let beyond = permitted & !default_of(self.place.runtime);
        let mut add = Vec::new();
        if permitted != 0 && uid != Some(0) {
            add = kubernetes_names(permitted);
            if self.place.platform != Platform::Podman {
                return Err(RuledOutReason::CapabilitiesOfNonRoot(add));
            }
        } else if beyond != 0 {
            return Err(RuledOutReason::CapabilitiesBeyondDefault(kubernetes_names(
                beyond,
            )));
        }
        Ok(User {
            uid: text(uid, "UID"),
            gid: text(gid, "GID"),
            add,
            keep: permitted != 0 && uid == Some(0),
        })
    }

    fn run_as(&self, user: &User, advice: &mut Advice) {
        let root = user.uid == "0";
        if self.kubernetes() {
            let (profile, level) = if root {
                ("baseline", PodSecurityLevel::Baseline)
            } else {
                ("restricted", PodSecurityLevel::Restricted)
            };
            let mut title = AS_TARGET.to_owned();
            if self.other_user_namespace {
                title.push_str(", in its pod and so in its user namespace");
            }
            let file = "spy.yaml";
            let context = format!("printf '{}' > {file}", context(user));
            let custom = format!(" --profile={profile} --custom={file}");
            advice.remedies.push(Remedy {
                title,
                pod_security: Some(level),
                commands: vec![context, self.kubectl(&custom)],
            });
        }
        for engine in self.engines() {
            if self.other_user_namespace && engine == Engine::Docker {
                // Docker has no way to share the user namespace of one container.
                continue;
            }
            let mut words = format!("--user {}:{}", user.uid, user.gid);
            for name in &user.add {
                words.push_str(" --cap-add ");
                words.push_str(name);
            }
            advice.remedies.push(self.engine(engine, AS_TARGET, &words));
        }
    }

    fn run_as_root(&self, advice: &mut Advice) {
        if self.is_root_already() {
            advice.ruled_out.push(RuledOut {
                title: AS_ROOT.to_owned(),
                because: self.runs_that_way().to_string(),
            });
            return;
        }
        if self.kubernetes() {
            advice.remedies.push(self.kubectl_as_root(AS_ROOT, ""));
        }
        for engine in self.engines() {
            let words = match engine {
                Engine::Docker if self.other_user_namespace => {
                    format!("--userns=host {ROOT_FLAGS}")
                }
                _ => ROOT_FLAGS.to_owned(),
            };
            advice.remedies.push(self.engine(engine, AS_ROOT, &words));
        }
    }

    /// Whether the viewer is what [`Self::run_as_root`] would make of it.
    fn is_root_already(&self) -> bool {
        let opens_files = self.viewer.can(CAP_DAC_READ_SEARCH) || self.viewer.can(CAP_DAC_OVERRIDE);
        self.viewer.can(CAP_SYS_PTRACE) && opens_files && !self.other_user_namespace
    }

    /// Whether the viewer is what [`Self::run_as`] would make of it.
    fn is_target_already(&self) -> bool {
        let ids = |of: &Credentials| Some((uniform(of.uid?)?, uniform(of.gid?)?));
        let covers = || {
            let permitted = self.target.cap_permitted?;
            Some(permitted & !self.viewer.cap_effective? == 0)
        };
        !self.other_user_namespace
            && ids(self.target).is_some_and(|target| ids(self.viewer) == Some(target))
            && covers() == Some(true)
    }

    fn runs_that_way(&self) -> RuledOutReason {
        let evidence = self.blockers.first().map(|first| first.evidence.clone());
        RuledOutReason::AlreadyRunsThatWay { evidence }
    }

    /// The target's user is hidden too, so its ids are left to be filled in.
    fn unhidden(&self, mount: &ProcMount, advice: &mut Advice) {
        if let Some(gid) = mount.gid {
            let title = format!("run spyhole with group {gid}, which is exempt from hidepid");
            if self.kubernetes() {
                advice.remedies.push(Remedy {
                    title: title.clone(),
                    pod_security: Some(PodSecurityLevel::Restricted),
                    commands: vec![
                        format!("printf 'securityContext: {{runAsGroup: {gid}}}' > spy.yaml"),
                        self.kubectl(" --profile=restricted --custom=spy.yaml"),
                    ],
                });
            }
            for engine in self.engines() {
                let words = format!("--group-add {gid}");
                advice.remedies.push(self.engine(engine, &title, &words));
            }
        }
        self.run_as(
            &User {
                uid: "UID".to_owned(),
                gid: "GID".to_owned(),
                add: Vec::new(),
                keep: false,
            },
            advice,
        );
        self.run_as_root(advice);
        advice.remedies.push(remount(mount));
    }

    /// Ids and capabilities suffice already: the module must let the viewer.
    fn unconfined(&self, advice: &mut Advice) {
        // A SELinux context has colons, an AppArmor profile none.
        let selinux = self
            .labels
            .iter()
            .any(|label| label.as_ref().is_some_and(|label| label.contains(':')));
        let (context, option) = if selinux {
            ("seLinuxOptions: {type: spc_t}", "label=disable")
        } else {
            ("appArmorProfile: {type: Unconfined}", "apparmor=unconfined")
        };
        let title = "run spyhole unconfined by the security module";
        if self.is_unconfined() {
            advice.ruled_out.push(RuledOut {
                title: title.to_owned(),
                because: self.runs_that_way().to_string(),
            });
            return self.run_as_root(advice);
        }
        let title = format!("{title}, as root with SYS_PTRACE and DAC_READ_SEARCH");
        if self.kubernetes() {
            let more = format!(", {context}");
            advice.remedies.push(self.kubectl_as_root(&title, &more));
        }
        for engine in self.engines() {
            let words = format!("{ROOT_FLAGS} --security-opt {option}");
            advice.remedies.push(self.engine(engine, &title, &words));
        }
    }

    /// By `AppArmor`, or of the `SELinux` type that containers get which are not confined.
    fn is_unconfined(&self) -> bool {
        let label = self.labels.first().and_then(|label| label.as_deref());
        label.is_some_and(|label| {
            let kind = label.split(':').nth(2);
            label == "unconfined" || matches!(kind, Some("spc_t" | "unconfined_t"))
        })
    }
}

/// What a runtime leaves to root where nothing else was asked for.
fn default_of(runtime: Option<&str>) -> u64 {
    let known = runtime.and_then(default_capabilities::of);
    known.unwrap_or(default_capabilities::DOCKER)
}

/// As Kubernetes, Docker and Podman name them: `NET_ADMIN`.
fn kubernetes_names(mask: u64) -> Vec<String> {
    capabilities::names(mask)
        .map(|name| name.trim_start_matches("cap_").to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests;
