//! A kubectl that answers from files and writes down how it was called.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use spyhole::api::own_image;
use tempfile::TempDir;

use crate::host;
use crate::lab::{self, Output};

/// `get pod` is answered from `get-pod`, or from `get-pod.2` the second time; `get-pod.refused`
/// is what it says on stderr instead. Whatever `--custom` names is kept, and the name of the
/// container that is added stands for `SPYHOLE` in numbered answers. Lines of `port-forward.runs` are run
/// before it answers.
const SCRIPT: &str = r#"#!/bin/sh
dir=${0%/*}
printf '%s\n' "$*" >> "$dir/calls"
key=$1
for word in "$@"; do
    case $key:$word in
    get:pod|get:namespace) key=get-$word ;;
    debug:--custom=*) cat "${word#--custom=}" > "$dir/custom" ;;
    debug:--container=*) printf '%s' "${word#--container=}" > "$dir/name" ;;
    esac
done
echo >> "$dir/$key.count"
count=$(wc -l < "$dir/$key.count")
if [ -e "$dir/$key.refused" ]; then
    cat "$dir/$key.refused" >&2
    exit 1
fi
if [ -e "$dir/$key.runs" ]; then . "$dir/$key.runs"; fi
if [ -e "$dir/$key.$count" ]; then
    sed "s/SPYHOLE/$(cat "$dir/name")/" "$dir/$key.$count"
else
    cat "$dir/$key"
fi
if [ -e "$dir/$key.stderr" ]; then cat "$dir/$key.stderr" >&2; fi
if [ -e "$dir/$key.code" ]; then exit "$(cat "$dir/$key.code")"; fi
"#;

/// The directory with it; it goes when this is dropped.
pub(super) struct FakeKubectl(TempDir);

impl FakeKubectl {
    /// One that knows this pod of the fixtures, in a namespace of this level.
    pub(super) fn with(pod: &str, level: Level<'_>) -> Self {
        let fake = Self(TempDir::new().unwrap());
        fake.program("kubectl", SCRIPT);
        fake.answer("get-pod", &fixture(pod));
        match level {
            Level::Labelled(level) => {
                let label = format!(r#"{{"pod-security.kubernetes.io/enforce":"{level}"}}"#);
                fake.namespace(&label);
            }
            Level::None => fake.namespace("{}"),
            Level::Unreadable => fake.answer(
                "get-namespace.refused",
                "Error from server (Forbidden): namespaces \"shop\" is forbidden: User \"jane\" \
                 cannot get resource \"namespaces\" in API group \"\" in the namespace \"shop\"\n",
            ),
        }
        for nothing in ["debug", "logs", "wait", "exec", "attach", "port-forward"] {
            fake.answer(nothing, "");
        }
        fake
    }

    fn namespace(&self, labels: &str) {
        let text = format!(
            r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"shop","labels":{labels}}}}}"#
        );
        self.answer("get-namespace", &text);
    }

    /// Sets one of its files.
    pub(super) fn answer(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        // Another process writes it: a program must not be open for writing while some test
        // forks.
        host::run(
            Command::new("sh")
                .args(["-c", r#"printf '%s' "$1" > "$2""#, "sh", text])
                .arg(self.0.path().join(name)),
        )
        .ended_with(0);
        let program = self.0.path().join(name);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a program beside it that opens a file as a browser would, and keeps what it shows.
    pub(super) fn browser(&self) {
        let script = "#!/bin/sh\ndir=${0%/*}\n\
            printf '%s %s\\n' \"$1\" \"$(stat -c %a \"$1\")\" > \"$dir/opened\"\n\
            cat \"$1\" > \"$dir/shown\"\n";
        self.program("xdg-open", script);
    }

    /// One of the files that it wrote.
    pub(super) fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_default()
    }

    /// How it was called, a line each, without what is different each time.
    pub(super) fn calls(&self) -> String {
        steady(&self.kept("calls"))
    }

    /// `kubectl spyhole`, with this kubectl first in PATH.
    pub(super) fn spyhole<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        host::run(self.command().args(args))
    }

    /// The same, before it is run.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(lab::spyhole());
        command
            .arg("kubectl")
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display()))
            .env_remove("SPYHOLE_KUBECTL")
            .env_remove("SPYHOLE_IMAGE");
        command
    }
}

/// What is known of the namespace.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level<'a> {
    Labelled(&'a str),
    None,
    Unreadable,
}

/// A recorded pod.
pub(super) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/kubernetes")
        .join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    // The one that is there already is of this very version.
    let image = format!("\"image\": \"{}\"", own_image::DEFAULT);
    text.replace("\"image\": \"spyhole\"", &image)
}

/// The five letters of a new container, the path of a text that is lent, and the version are not
/// the same each time.
pub(super) fn steady(text: &str) -> String {
    let mut out = String::new();
    let text = text.replace(own_image::DEFAULT, "spyhole:VERSION");
    let mut rest = text.as_str();
    while let Some(at) = rest.find("spyhole-") {
        let (before, after) = rest.split_at(at + "spyhole-".len());
        out.push_str(before);
        let letters = after
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .count();
        if letters == 5 && !after.starts_with("7xk2q") {
            out.push_str("NEW");
            rest = &after[5..];
        } else {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}
