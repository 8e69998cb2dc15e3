//! The Pod Security Standards against the document of a pod, as the admission plug-in of Kubernetes
//! judges it: for a new ephemeral container it judges the whole pod again.
//!
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, versions 1.29 and later.
//! Rules for Windows are left out.

use serde_json::Value;

use super::pod::at;
use crate::model::escape::escaped;
use crate::model::pod_security::PodSecurityLevel::{self, Baseline, Privileged, Restricted};
use crate::rights::pod_security::{self, NEWEST_MINOR, USER_NAMESPACE_MINOR};

/// What of a pod breaks a level: the place, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    /// `pod`, `container NAME` or `volume NAME`.
    pub(super) place: String,
    /// The field and its value, as in `hostPID=true`.
    pub(super) field: String,
}

/// What of a pod breaks this level, by the rules of Kubernetes 1.`minor`.
pub(super) fn violations(pod: &Value, level: PodSecurityLevel, minor: u32) -> Vec<Violation> {
    let mut judge = Judge {
        pod,
        minor: minor.min(NEWEST_MINOR),
        found: Vec::new(),
    };
    if level >= Baseline {
        judge.baseline();
    }
    if level == Restricted {
        judge.restricted();
    }
    judge.found
}

/// The violations, a line for each place. There may be many: the first few, and how many more.
pub(super) fn shown(violations: &[Violation]) -> Vec<String> {
    const SHOWN: usize = 8;
    let mut lines: Vec<String> = Vec::new();
    let mut last = "";
    for one in violations.iter().take(SHOWN) {
        match lines.last_mut() {
            Some(line) if one.place == last => {
                line.push_str(", ");
                line.push_str(&one.field);
            }
            _ => lines.push(format!("{}: {}", one.place, one.field)),
        }
        last = &one.place;
    }
    if violations.len() > SHOWN {
        lines.push(format!("{} more", violations.len() - SHOWN));
    }
    lines
}

/// The tightest level that a pod fits.
pub(super) fn fits(pod: &Value, minor: u32) -> PodSecurityLevel {
    let levels = [Restricted, Baseline];
    let fits = |level: &PodSecurityLevel| violations(pod, *level, minor).is_empty();
    levels.into_iter().find(fits).unwrap_or(Privileged)
}

struct Judge<'a> {
    pod: &'a Value,
    minor: u32,
    found: Vec<Violation>,
}

/// A container, or the pod's own security context, which its containers inherit.
struct Place<'a> {
    name: String,
    context: &'a Value,
}

impl<'a> Judge<'a> {
    fn baseline(&mut self) {
        let spec = at(self.pod, &["spec"]);
        for key in ["hostNetwork", "hostPID", "hostIPC"] {
            if at(spec, &[key]) == true {
                self.add("pod", format!("{key}=true"));
            }
        }
        for volume in list(spec, "volumes") {
            if at(volume, &["hostPath"]).is_object() {
                self.add(&named("volume", volume), "hostPath".to_owned());
            }
        }
        self.sysctls(spec);
        self.app_armor_annotations();
        for place in self.places() {
            self.profiles(&place);
        }
        for container in self.containers() {
            self.container(container);
        }
    }

    fn sysctls(&mut self, spec: &Value) {
        for sysctl in list(at(spec, &["securityContext"]), "sysctls") {
            let name = text(at(sysctl, &["name"]));
            if !pod_security::is_safe_sysctl(&name, self.minor) {
                self.add("pod", format!("sysctl {name}"));
            }
        }
    }

    fn app_armor_annotations(&mut self) {
        const PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";
        let annotations = at(self.pod, &["metadata", "annotations"]).as_object();
        for (key, value) in annotations.into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let allowed =
                value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
            if let Some(container) = key.strip_prefix(PREFIX)
                && !allowed
            {
                let container = escaped(container.as_bytes());
                let place = format!("container {container}");
                self.add(
                    &place,
                    format!("AppArmor annotation {}", escaped(value.as_bytes())),
                );
            }
        }
    }

    /// Labels of security modules and seccomp, of the pod or of a container.
    fn profiles(&mut self, place: &Place<'_>) {
        let app_armor = at(place.context, &["appArmorProfile"]);
        let kind = at(app_armor, &["type"]);
        if app_armor.is_object()
            && !["RuntimeDefault", "Localhost"]
                .iter()
                .any(|one| kind == *one)
        {
            self.add(&place.name, format!("appArmorProfile.type={}", text(kind)));
        }
        if at(place.context, &["seccompProfile", "type"]) == "Unconfined" {
            self.add(&place.name, "seccompProfile.type=Unconfined".to_owned());
        }
        let options = at(place.context, &["seLinuxOptions"]);
        let kind = at(options, &["type"]).as_str().unwrap_or_default();
        if !kind.is_empty() && !pod_security::is_container_selinux_type(kind, self.minor) {
            self.add(
                &place.name,
                format!("seLinuxOptions.type={}", escaped(kind.as_bytes())),
            );
        }
        for key in ["user", "role"] {
            if at(options, &[key])
                .as_str()
                .is_some_and(|set| !set.is_empty())
            {
                self.add(&place.name, format!("seLinuxOptions.{key}"));
            }
        }
    }

    fn container(&mut self, container: &Value) {
        let place = named("container", container);
        let context = at(container, &["securityContext"]);
        if at(context, &["privileged"]) == true {
            self.add(&place, "privileged=true".to_owned());
        }
        for name in strings(at(context, &["capabilities", "add"])) {
            if !pod_security::BASELINE_CAPABILITIES.contains(&name.as_str()) {
                self.add(&place, format!("capabilities.add {name}"));
            }
        }
        for port in list(container, "ports") {
            match at(port, &["hostPort"]).as_u64() {
                None | Some(0) => {}
                Some(port) => self.add(&place, format!("hostPort={port}")),
            }
        }
        let mount = at(context, &["procMount"]);
        let relaxed = self.is_in_user_namespace();
        if !mount.is_null() && mount != "Default" && !relaxed {
            self.add(&place, format!("procMount={}", text(mount)));
        }
        if self.minor >= pod_security::PROBE_HOST_MINOR {
            self.probe_hosts(&place, container);
        }
    }

    fn probe_hosts(&mut self, place: &str, container: &Value) {
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
        let probes = probes.map(|key| at(container, &[key]));
        let hooks = ["postStart", "preStop"].map(|key| at(container, &["lifecycle", key]));
        for one in probes.into_iter().chain(hooks) {
            for kind in ["httpGet", "tcpSocket"] {
                if let Some(host) = at(one, &[kind, "host"]).as_str()
                    && !host.is_empty()
                {
                    let host = escaped(host.as_bytes());
                    self.add(
                        place,
                        format!("{kind}.host={host} of a probe or lifecycle hook"),
                    );
                }
            }
        }
    }

    fn restricted(&mut self) {
        for volume in list(at(self.pod, &["spec"]), "volumes") {
            let allowed = |key: &&str| !at(volume, &[key]).is_null();
            if !pod_security::RESTRICTED_VOLUMES.iter().any(allowed)
                && at(volume, &["hostPath"]).is_null()
            {
                self.add(
                    &named("volume", volume),
                    "a type that is not allowed".to_owned(),
                );
            }
        }
        let pods = at(self.pod, &["spec", "securityContext"]);
        let pods_seccomp = at(pods, &["seccompProfile", "type"]);
        let pods_seccomp = is_confined(pods_seccomp);
        let may_be_root = self.is_in_user_namespace();
        if !may_be_root && at(pods, &["runAsNonRoot"]) == false {
            self.add("pod", "runAsNonRoot=false".to_owned());
        }
        if !may_be_root && at(pods, &["runAsUser"]) == 0 {
            self.add("pod", "runAsUser=0".to_owned());
        }
        for container in self.containers() {
            let place = named("container", container);
            let own = at(container, &["securityContext"]);
            if !may_be_root {
                self.non_root(&place, own, pods);
            }
            if at(own, &["allowPrivilegeEscalation"]) != false {
                self.add(&place, "allowPrivilegeEscalation is not false".to_owned());
            }
            let own_seccomp = at(own, &["seccompProfile"]);
            let confined = if own_seccomp.is_object() {
                // Unconfined breaks baseline already.
                is_confined(at(own_seccomp, &["type"]))
                    || at(own_seccomp, &["type"]) == "Unconfined"
            } else {
                pods_seccomp
            };
            if !confined {
                self.add(&place, "seccompProfile is not set".to_owned());
            }
            if !strings(at(own, &["capabilities", "drop"]))
                .iter()
                .any(|name| name == "ALL")
            {
                self.add(&place, "capabilities.drop is without ALL".to_owned());
            }
            for name in strings(at(own, &["capabilities", "add"])) {
                let by_baseline = pod_security::BASELINE_CAPABILITIES.contains(&name.as_str());
                if by_baseline && !pod_security::RESTRICTED_CAPABILITIES.contains(&name.as_str()) {
                    self.add(&place, format!("capabilities.add {name}"));
                }
            }
            let mount = at(own, &["procMount"]);
            if may_be_root && !mount.is_null() && mount != "Default" {
                self.add(&place, format!("procMount={}", text(mount)));
            }
        }
    }

    fn non_root(&mut self, place: &str, own: &Value, pods: &Value) {
        let of_own = at(own, &["runAsNonRoot"]);
        if of_own == false {
            self.add(place, "runAsNonRoot=false".to_owned());
        } else if of_own.is_null() && at(pods, &["runAsNonRoot"]) != true {
            self.add(place, "runAsNonRoot is not true".to_owned());
        }
        if at(own, &["runAsUser"]) == 0 {
            self.add(place, "runAsUser=0".to_owned());
        }
    }

    /// Where the processes of the pod are root in it alone, rules are relaxed since 1.35.
    fn is_in_user_namespace(&self) -> bool {
        self.minor >= USER_NAMESPACE_MINOR && at(self.pod, &["spec", "hostUsers"]) == false
    }

    fn containers(&self) -> Vec<&'a Value> {
        let spec = at(self.pod, &["spec"]);
        let kinds = ["initContainers", "containers", "ephemeralContainers"];
        kinds
            .into_iter()
            .flat_map(|kind| list(spec, kind))
            .collect()
    }

    fn places(&self) -> Vec<Place<'a>> {
        let pod = Place {
            name: "pod".to_owned(),
            context: at(self.pod, &["spec", "securityContext"]),
        };
        let containers = self.containers().into_iter().map(|container| Place {
            name: named("container", container),
            context: at(container, &["securityContext"]),
        });
        std::iter::once(pod).chain(containers).collect()
    }

    fn add(&mut self, place: &str, field: String) {
        let place = place.to_owned();
        self.found.push(Violation { place, field });
    }
}

fn is_confined(kind: &Value) -> bool {
    ["RuntimeDefault", "Localhost"]
        .iter()
        .any(|one| kind == *one)
}

fn named(kind: &str, value: &Value) -> String {
    format!("{kind} {}", text(at(value, &["name"])))
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default().as_bytes()).into_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    at(value, &[key]).as_array().into_iter().flatten()
}

/// Names as they stand: to the plug-in `CAP_NET_RAW` is not `NET_RAW`.
fn strings(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the library of Kubernetes itself says of the same pods.
    const RECORDED: &str = include_str!("../../../tests/fixtures/kubernetes/pod-security.json");

    /// The base with these fields, by their JSON pointers; null takes one away.
    fn pod(base: &Value, fields: &Value) -> Value {
        let mut pod = base.clone();
        for (pointer, value) in fields.as_object().unwrap() {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let object = reach(&mut pod, parent).as_object_mut().unwrap();
            if value.is_null() {
                object.remove(key);
            } else {
                object.insert(key.to_owned(), value.clone());
            }
        }
        pod
    }

    /// A place below a document; objects that are not there yet are made.
    fn reach<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
        let mut place = document;
        for key in pointer.split('/').skip(1) {
            place = match place {
                Value::Array(list) => &mut list[key.parse::<usize>().unwrap()],
                other => {
                    let entry = &mut other[key];
                    if entry.is_null() {
                        *entry = serde_json::json!({});
                    }
                    entry
                }
            };
        }
        place
    }

    #[test]
    fn pods_are_judged_as_kubernetes_judges_them() {
        let recorded: Value = serde_json::from_str(RECORDED).unwrap();
        let cases = recorded["cases"].as_array().unwrap();
        assert!(cases.len() >= 370, "{}", cases.len());
        let mut wrong = Vec::new();
        for case in cases {
            let pod = pod(&recorded["base"], &case["set"]);
            for (word, level) in [("baseline", Baseline), ("restricted", Restricted)] {
                let expected = case[word].as_str().unwrap();
                let judged: String = (29..)
                    .zip(expected.chars())
                    .map(|(minor, _)| {
                        let fits = violations(&pod, level, minor).is_empty();
                        if fits { '+' } else { '-' }
                    })
                    .collect();
                if judged != expected {
                    let found = violations(&pod, level, 36);
                    let fields = &case["set"];
                    wrong.push(format!(
                        "{fields} {word}: {judged}, not {expected}: {found:?}"
                    ));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }

    #[test]
    fn violations_are_listed_by_place_and_cut() {
        let violation = |place: &str, number| Violation {
            place: format!("container {place}"),
            field: format!("hostPort={number}"),
        };
        let mut all = vec![violation("a", 1), violation("a", 2)];
        all.extend((0..9).map(|number| violation("b", number)));
        let lines = shown(&all);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "container a: hostPort=1, hostPort=2");
        assert_eq!(lines[2], "3 more");
    }
}
