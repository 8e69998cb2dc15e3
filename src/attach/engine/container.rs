//! What an engine tells of a container: its answer to `container inspect`, Docker's and Podman's
//! alike. What is missing is taken as the engine's default.

use serde_json::Value;

/// A container, as far as it decides how to get beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Container {
    /// 64 hexadecimal digits.
    pub(super) id: String,
    /// Without the `/` that Docker puts before it.
    pub(super) name: String,
    pub(super) state: State,
    /// The image's id; empty where the root file system is a plain directory (Podman's `--rootfs`).
    pub(super) image: String,
    /// As it was asked for: `app`, `1000`, `1000:1000`, or empty.
    pub(super) user: String,
    /// The pod that it is a member of, by id; empty for none.
    pub(super) pod: String,
    /// Whether capabilities were added, or all given.
    pub(super) privileged: bool,
    /// `--userns`; empty where it is the engine's own.
    pub(super) userns: String,
    /// `--pid`: `host` or another container's; `private` or empty where it is its own.
    pub(super) pid_mode: String,
    /// The label that `SELinux` gave its processes; empty where there is none.
    pub(super) process_label: String,
    /// The `AppArmor` profile of its processes; empty where there is none.
    pub(super) apparmor: String,
    /// Its hard limits of those that Podman sets for every container.
    pub(super) limits: Vec<HardLimit>,
}

/// A resource limit as `--ulimit` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HardLimit {
    /// `nofile` or `nproc`.
    pub(super) name: &'static str,
    /// A number, or -1 for none.
    pub(super) value: String,
}

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as engines tell it")]
pub(super) struct State {
    /// `running`, `exited`, `created`, `paused`, …
    pub(super) status: String,
    pub(super) running: bool,
    pub(super) paused: bool,
    /// Docker: it ended and will be started again.
    pub(super) restarting: bool,
    pub(super) oom_killed: bool,
    /// Of the last run.
    pub(super) exit_code: i64,
    /// Its first process, as the engine's machine numbers it; 0 where there is none.
    pub(super) pid: i32,
}

impl Container {
    /// Reads what `container inspect` printed; `None` where that is no container.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let parsed: Value = serde_json::from_slice(bytes).ok()?;
        let one = parsed.get(0)?;
        let text = |path: &str| text(one, path);
        let flag = |path: &str| one.pointer(path).and_then(Value::as_bool) == Some(true);
        let number = |path: &str| one.pointer(path).and_then(Value::as_i64).unwrap_or(0);
        let id = text("/Id");
        let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let added = one.pointer("/HostConfig/CapAdd").and_then(Value::as_array);
        is_id.then(|| Self {
            id,
            name: text("/Name").trim_start_matches('/').to_owned(),
            state: State {
                status: text("/State/Status"),
                running: flag("/State/Running"),
                paused: flag("/State/Paused"),
                restarting: flag("/State/Restarting"),
                oom_killed: flag("/State/OOMKilled"),
                exit_code: number("/State/ExitCode"),
                pid: number("/State/Pid").try_into().unwrap_or(0),
            },
            image: text("/Image"),
            user: text("/Config/User"),
            pod: text("/Pod"),
            privileged: flag("/HostConfig/Privileged") || added.is_some_and(|all| !all.is_empty()),
            userns: text("/HostConfig/UsernsMode"),
            pid_mode: text("/HostConfig/PidMode"),
            process_label: text("/ProcessLabel"),
            apparmor: text("/AppArmorProfile"),
            limits: limits(one),
        })
    }

    /// Whether spyhole can be put beside it: something runs.
    pub(super) fn is_up(&self) -> bool {
        // Docker calls a paused container running, Podman does not.
        (self.state.running || self.state.paused) && !self.state.restarting
    }

    /// The id as engines print it.
    pub(super) fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// User and group, where both were asked for by number.
    pub(super) fn numeric_user(&self) -> Option<(u32, u32)> {
        let (uid, gid) = self.user.split_once(':')?;
        Some((uid.parse().ok()?, gid.parse().ok()?))
    }
}

fn limits(one: &Value) -> Vec<HardLimit> {
    let listed = one.pointer("/HostConfig/Ulimits").and_then(Value::as_array);
    let limit = |limit: &Value| {
        let name = match limit.get("Name")?.as_str()? {
            "RLIMIT_NOFILE" => "nofile",
            "RLIMIT_NPROC" => "nproc",
            _ => return None,
        };
        let value = match limit.get("Hard")? {
            // RLIM_INFINITY.
            hard if hard.as_u64() == Some(u64::MAX) || hard.as_i64() == Some(-1) => "-1".to_owned(),
            hard => hard.as_u64()?.to_string(),
        };
        Some(HardLimit { name, value })
    };
    listed.into_iter().flatten().filter_map(limit).collect()
}

fn text(one: &Value, path: &str) -> String {
    let text = one.pointer(path).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_container_is_none() {
        for bytes in [
            &b""[..],
            b"[]",
            b"[{}]",
            b"{}",
            b"[null]",
            b"no",
            br#"[{"Id":"../../x"}]"#,
        ] {
            assert_eq!(Container::parse(bytes), None);
        }
    }

    #[test]
    fn what_is_not_told_is_the_default() {
        let bytes = format!(r#"[{{"Id":"{}","State":{{"Pid":"x"}}}}]"#, "a".repeat(64));
        let container = Container::parse(bytes.as_bytes()).unwrap();
        assert_eq!(container.state, State::default());
        assert!(!container.is_up() && !container.privileged);
        assert_eq!(container.short_id(), "aaaaaaaaaaaa");
    }

    #[test]
    fn limits_are_those_that_podman_sets_by_itself() {
        let bytes = format!(
            r#"[{{"Id":"{}","HostConfig":{{"Ulimits":[
                {{"Name":"RLIMIT_NOFILE","Soft":512,"Hard":1024}},
                {{"Name":"RLIMIT_NPROC","Soft":18446744073709551615,"Hard":18446744073709551615}},
                {{"Name":"RLIMIT_CORE","Soft":0,"Hard":0}},
                {{"Name":"RLIMIT_NOFILE","Hard":"x"}},
                {{"Name":7}}, null]}}}}]"#,
            "a".repeat(64)
        );
        let container = Container::parse(bytes.as_bytes()).unwrap();
        let limits = container.limits.iter().map(|one| (one.name, &*one.value));
        assert_eq!(
            limits.collect::<Vec<_>>(),
            [("nofile", "1024"), ("nproc", "-1")]
        );
    }

    #[test]
    fn a_user_counts_by_number_only_where_the_group_does_too() {
        let of = |user: &str| {
            let user = user.to_owned();
            Container {
                user,
                ..Container::default()
            }
            .numeric_user()
        };
        assert_eq!(of("1000:1001"), Some((1000, 1001)));
        for user in ["", "app", "1000", "app:app", "1000:app", ":", "-1:0"] {
            assert_eq!(of(user), None, "{user}");
        }
    }
}
