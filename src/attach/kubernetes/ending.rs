//! How spyhole's container ended, which its node reports a moment later than it happens; and whether it
//! was the target, or the whole pod, that ended.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::AttachError;
use super::kubectl::ask;
use super::plan::{IDLE, LIFETIME};
use super::pod::{self, State, at};
use super::refusal::{self, KubectlRefusal, Operation};
use super::run::Running;
use super::target_refusal::TargetRefusal;
use crate::model::escape::escaped;

/// Exit codes above are those of what a signal ended.
const SIGNALLED: u8 = 128;
/// The exit code of what SIGKILL ended.
const KILLED: u8 = 137;
/// How long a node has to report that a container ended.
const REPORT_TIME: Duration = Duration::from_secs(3);
/// The same after a person has left a terminal: there the exit code is the answer.
const EXIT_CODE_TIME: Duration = Duration::from_secs(10);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(500);

impl Running<'_> {
    /// The pod, as it is now.
    ///
    /// # Errors
    /// [`TargetRefusal::PodDeleted`], where it is gone or another one has its name.
    pub(super) fn pod(&self) -> Result<Value, AttachError> {
        let target = self.target;
        let pod = match self.kubectl.pod_again(&target.namespace, &target.pod) {
            Err(AttachError::Kubectl(KubectlRefusal::NoPod { .. })) => Err(self.deleted())?,
            other => other?,
        };
        let uid = |pod: &Value| at(pod, &["metadata", "uid"]).clone();
        if uid(&pod) != uid(&target.document) {
            return Err(self.deleted().into());
        }
        Ok(pod)
    }

    fn deleted(&self) -> TargetRefusal {
        TargetRefusal::PodDeleted {
            namespace: self.target.namespace.clone(),
            pod: self.target.pod.clone(),
        }
    }

    /// Whether the pod has been asked to end since it was looked at first.
    fn is_being_deleted(&self, pod: &Value) -> bool {
        !self.target.being_deleted && !at(pod, &["metadata", "deletionTimestamp"]).is_null()
    }

    /// How the container stands once `is_it` says so of it, or once the time has passed.
    fn state_within(
        &self,
        time: Duration,
        is_it: impl Fn(Option<&State>) -> bool,
    ) -> Result<Option<State>, AttachError> {
        let begun = Instant::now();
        loop {
            let state = pod::state(&self.pod()?, &self.attachment.container);
            if is_it(state.as_ref()) || begun.elapsed() >= time {
                return Ok(state);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether the target took spyhole along when it ended, or the whole pod did: with the first process of
    /// its PID namespace the kernel kills every other one. Its node may report that a moment later.
    pub(super) fn target_ended(&self, code: u8) -> Result<Option<TargetRefusal>, AttachError> {
        if code <= SIGNALLED {
            return Ok(None);
        }
        let target = self.target;
        let begun = Instant::now();
        loop {
            let pod = self.pod()?;
            if self.is_being_deleted(&pod) {
                return Ok(Some(self.deleted()));
            }
            if code != KILLED {
                return Ok(None);
            }
            if let Some(end) = pod::ended_since(&pod, target) {
                let container = format!("--container={}", target.container);
                let words = ["logs", &target.pod, &container];
                let previous: &[&str] = if end.runs_again { &["--previous"] } else { &[] };
                let words = [&words[..], previous].concat();
                return Ok(Some(TargetRefusal::TargetEnded {
                    pod: target.pod.clone(),
                    container: target.container.clone(),
                    code: end.code,
                    reason: end.reason,
                    runs_again: end.runs_again,
                    line: self.kubectl.line(Some(&target.namespace), &words),
                }));
            }
            if begun.elapsed() >= REPORT_TIME {
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }

    /// After a person has talked with it; `code` is kubectl's own.
    pub(super) fn ended_with(&self, code: u8) -> Result<u8, AttachError> {
        let is_told = |state: Option<&State>| match state {
            Some(State::Running) => false,
            Some(State::Terminated { .. }) => true,
            Some(State::Waiting { reason, message }) => {
                code != 0 || refusal::waiting("", reason, message).is_some()
            }
            // The node was never asked, where kubectl says that it failed.
            None => code != 0,
        };
        match self.state_within(EXIT_CODE_TIME, is_told)? {
            Some(State::Terminated { code, .. }) => {
                if let Some(refusal) = self.target_ended(code)? {
                    return Err(refusal.into());
                }
                Ok(code)
            }
            Some(State::Waiting { reason, message }) => {
                Err(refusal::waiting(&self.attachment.image, &reason, &message)
                    .unwrap_or_else(|| self.slow(&reason)))
            }
            Some(State::Running) => {
                self.say(&format!("{} is still running", self.attachment.container));
                Ok(0)
            }
            // kubectl has said why.
            None => Ok(code.max(1)),
        }
    }

    /// Whether the port need not be forwarded any longer: nothing answers there.
    pub(super) fn serves_no_more(&self) -> bool {
        match self.pod() {
            Ok(pod) => matches!(
                pod::state(&pod, &self.attachment.container),
                Some(State::Terminated { .. })
            ),
            // A cluster that does not answer now may do so later.
            Err(error) => is_deletion(&error),
        }
    }

    /// What is left once the port is not forwarded any more: the server ends by itself, unless it has
    /// ended already, which its node may report a moment later.
    pub(super) fn after_forwarding(&self, code: u8, interrupted: bool) -> Result<u8, AttachError> {
        let container = &self.attachment.container;
        let time = if interrupted || code == 0 {
            Duration::ZERO
        } else {
            REPORT_TIME
        };
        let is_told = |state: Option<&State>| state != Some(&State::Running);
        let state = match self.state_within(time, is_told) {
            Ok(state) => state,
            Err(error) if !interrupted && is_deletion(&error) => return Err(error),
            // Words about what is left are worth no error of their own.
            Err(_) => return Ok(code),
        };
        match state {
            Some(State::Running) => {
                let again: Vec<&str> = self.attachment.again.iter().map(String::as_str).collect();
                let again = self.kubectl.line(Some(&self.target.namespace), &again);
                let end = if self.attachment.has_usual_limits {
                    format!(
                        "after {IDLE} without a request, at the latest {LIFETIME} after its start"
                    )
                } else {
                    "by --lifetime or --idle-exit as given".to_owned()
                };
                self.say(&format!(
                    "{container} still serves in the pod: it ends {end}. {again} forwards its port \
                     again"
                ));
            }
            Some(State::Terminated { code: ended, .. }) => {
                if !interrupted && self.is_being_deleted(&self.pod()?) {
                    return Err(self.deleted().into());
                }
                if let Some(refusal) = self.target_ended(ended)? {
                    return Err(refusal.into());
                }
                self.say(&format!("{container} has ended (exit code {ended})"));
            }
            Some(State::Waiting { .. }) | None => {}
        }
        Ok(code)
    }

    /// Why a container does not do what kubectl was to do with it: it has ended meanwhile. `None` where
    /// it runs, so that kubectl's own words are the reason.
    pub(super) fn ended_meanwhile(&self) -> Result<Option<AttachError>, AttachError> {
        let is_ended = |state: Option<&State>| matches!(state, Some(State::Terminated { .. }));
        match self.state_within(REPORT_TIME, is_ended)? {
            Some(State::Terminated {
                code,
                reason,
                message,
            }) => self.ended_early(code, &reason, &message).map(Some),
            _ => Ok(None),
        }
    }

    /// What was to serve, and does not.
    pub(super) fn ended_early(
        &self,
        code: u8,
        reason: &str,
        message: &str,
    ) -> Result<AttachError, AttachError> {
        if let Some(refusal) = self.target_ended(code)? {
            return Ok(refusal.into());
        }
        if reason.contains("StartError") || reason == "ContainerCannotRun" {
            return Ok(refusal::not_started(
                &self.attachment.image,
                reason,
                message,
            ));
        }
        let container = format!("--container={}", self.attachment.container);
        let words = ["logs", &self.target.pod, &container];
        let words = self.kubectl.words(&self.target.namespace, &words);
        let said = ask(&words, Operation::ReadLog).map(|said| said.stdout);
        let said = said.unwrap_or_default();
        let last = said.trim_ascii().split(|byte| *byte == b'\n').next_back();
        let refusal = TargetRefusal::ServerEnded {
            container: self.attachment.container.clone(),
            code,
            reason: reason.to_owned(),
            said: escaped(last.unwrap_or_default()).into_owned(),
        };
        Ok(refusal.into())
    }
}

fn is_deletion(error: &AttachError) -> bool {
    matches!(error, AttachError::Target(refusal) if matches!(**refusal, TargetRefusal::PodDeleted { .. }))
}
