//! Where the image has secrets.

use super::{Parts, push};
use crate::image::documents::RunConfig;
use crate::image::report::{SecretReport, SecretSite};
use crate::model::byte_string::ByteString;
use crate::model::secret::SecretKind;

impl Parts<'_> {
    /// Those that are listed, and how many more there are.
    pub(super) fn secrets(&self) -> (Vec<SecretReport>, u64) {
        let mut secrets: Vec<SecretReport> = self
            .collected
            .secrets
            .iter()
            .map(|secret| SecretReport {
                place: SecretSite::File,
                at: secret.path.as_slice().into(),
                layer: Some(usize::from(secret.layer) + 1),
                reason: secret.kind,
                by_content: secret.by_content,
                deleted: self.is_deleted(secret.file),
            })
            .collect();
        let (mut outside_files, mut more) = (Vec::new(), self.collected.more_places);
        let mut add = |place, at: ByteString, reason| {
            more += push(&mut outside_files, || SecretReport {
                place,
                at,
                layer: None,
                reason,
                by_content: true,
                deleted: false,
            });
        };
        for (number, entry) in self.history().iter().enumerate() {
            let text = [entry.created_by.as_bytes(), b" ", entry.comment.as_bytes()].concat();
            if let Some(kind) = self.redactor.kinds(&text).first() {
                let number = (number + 1).to_string();
                add(SecretSite::History, number.as_str().into(), *kind);
            }
        }
        let nothing = RunConfig::default();
        let config = self.chosen.map_or(&nothing, |chosen| &chosen.config.config);
        let pairs = config.env.iter().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            (SecretSite::Environment, name, value)
        });
        let labels = config.labels.iter();
        let labels = labels.map(|(name, value)| (SecretSite::Label, name.as_str(), value.as_str()));
        for (site, name, value) in pairs.chain(labels) {
            if let Some(redacted) = self.redactor.variable(name.as_bytes(), value.as_bytes())
                && redacted.reason != SecretKind::HighEntropy
            {
                add(site, self.sentence(name).as_str().into(), redacted.reason);
            }
        }
        let command = [&*config.entrypoint, &*config.cmd].concat();
        let commands = [
            (SecretSite::Command, command.as_slice()),
            (SecretSite::Healthcheck, &config.healthcheck.test),
            (SecretSite::Shell, &config.shell),
        ];
        for (site, words) in commands {
            let words: Vec<_> = words.iter().map(|word| word.clone().into_bytes()).collect();
            for (number, word) in self.redactor.arguments(&words).iter().enumerate() {
                if let Some(redacted) = word.redacted.first() {
                    let number = (number + 1).to_string();
                    add(site, number.as_str().into(), redacted.reason);
                }
            }
        }
        for (number, line) in config.on_build.iter().enumerate() {
            if let Some(kind) = self.redactor.kinds(line.as_bytes()).first() {
                let number = (number + 1).to_string();
                add(SecretSite::OnBuild, number.as_str().into(), *kind);
            }
        }
        secrets.extend(outside_files);
        (secrets, more)
    }
}
