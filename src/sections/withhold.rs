//! The last look at a report: names, paths and certificates with the secrets in them replaced.
//!
//! What was compared and judged before saw them as they are.

use std::borrow::Cow;

use crate::model::capabilities::SecurityContext;
use crate::model::certificate::{Certificate, Certificates, FoundBy, Serves};
use crate::model::environment::Environment;
use crate::model::gap::{Gap, Subject};
use crate::model::mount::Mount;
use crate::model::network::DnsConfiguration;
use crate::model::open_files::OpenFiles;
use crate::model::process::Process;
use crate::model::program::Program;
use crate::model::target::Target;
use crate::model::tls::TlsLook;
use crate::model::trust_store::TrustStore;
use crate::model::verdict::Verdict;
use crate::model::{ByteString, Report, Seen};
use crate::redact::Redactor;

pub(super) fn redact(report: &mut Report, redactor: &Redactor) {
    let withhold = Withhold { redactor };
    if let Some(target) = &mut report.target {
        withhold.target(target);
    }
    for container in report.containers.iter_mut().flatten() {
        withhold.bytes(&mut container.main_comm);
    }
    for process in report.processes.iter_mut().flatten() {
        withhold.process(process);
    }
    for environment in report.environment.iter_mut().flatten() {
        withhold.environment(environment);
    }
    for mount in report.mounts.iter_mut().filter_map(seen_mut).flatten() {
        withhold.mount(mount);
    }
    for context in report.capabilities.iter_mut().flatten() {
        withhold.security_context(context);
    }
    if let Some(open) = &mut report.open_files {
        withhold.open_files(open);
    }
    if let Some(program) = &mut report.program {
        withhold.program(program);
    }
    if let Some(dns) = report.network.as_mut().and_then(|one| one.dns.as_mut()) {
        withhold.dns(dns);
    }
    if let Some(certificates) = &mut report.certificates {
        withhold.certificates(certificates);
    }
    if let Some(look) = &mut report.tls {
        withhold.tls(look);
    }
    for gap in &mut report.gaps {
        withhold.gap(gap);
    }
}

struct Withhold<'a> {
    redactor: &'a Redactor,
}

impl Withhold<'_> {
    fn bytes(&self, bytes: &mut ByteString) {
        if let Cow::Owned(shown) = self.redactor.text(bytes.as_bytes()) {
            *bytes = shown.into();
        }
    }

    fn each<'b>(&self, all: impl IntoIterator<Item = &'b mut ByteString>) {
        for bytes in all {
            self.bytes(bytes);
        }
    }

    fn words(&self, words: &mut String) {
        if let Cow::Owned(shown) = self.redactor.text(words.as_bytes()) {
            *words = String::from_utf8_lossy(&shown).into_owned();
        }
    }

    fn all<'w>(&self, words: impl IntoIterator<Item = &'w mut String>) {
        for words in words {
            self.words(words);
        }
    }

    fn target(&self, target: &mut Target) {
        self.bytes(&mut target.comm);
        for wrapper in &mut target.wrappers {
            self.bytes(&mut wrapper.comm);
            if let Some(exe) = &mut wrapper.exe {
                self.bytes(exe);
            }
        }
    }

    fn process(&self, process: &mut Process) {
        self.bytes(&mut process.comm);
        for thread in process
            .thread_list
            .iter_mut()
            .filter_map(seen_mut)
            .flatten()
        {
            self.bytes(&mut thread.comm);
        }
    }

    fn environment(&self, environment: &mut Environment) {
        self.bytes(&mut environment.comm);
        for variable in seen_mut(&mut environment.variables).into_iter().flatten() {
            self.bytes(&mut variable.name);
        }
        for name in environment.missing_from_parent.iter_mut().flatten() {
            self.bytes(name);
        }
    }

    fn mount(&self, mount: &mut Mount) {
        self.bytes(&mut mount.super_options);
        self.bytes(&mut mount.mount_options);
        if let Some(volume) = &mut mount.volume {
            let parts = [
                &mut volume.name,
                &mut volume.container,
                &mut volume.sub_path,
            ];
            for part in parts.into_iter().flatten() {
                self.bytes(part);
            }
        }
    }

    fn security_context(&self, context: &mut SecurityContext) {
        self.bytes(&mut context.comm);
        let threads = context.differing_threads.iter_mut().filter_map(seen_mut);
        for comm in threads.flatten().filter_map(|thread| thread.comm.as_mut()) {
            self.bytes(comm);
        }
    }

    fn open_files(&self, open: &mut OpenFiles) {
        for process in &mut open.processes {
            self.bytes(&mut process.comm);
        }
        for file in open.files.iter_mut().flatten() {
            for place in [&mut file.path, &mut file.name].into_iter().flatten() {
                self.bytes(place);
            }
            for end in file.other_ends.iter_mut().filter_map(seen_mut).flatten() {
                self.bytes(&mut end.comm);
            }
        }
    }

    fn program(&self, program: &mut Program) {
        self.each(seen_mut(&mut program.path));
        self.each(&mut program.script_interpreter);
        if let Some(runtime) = &mut program.runtime {
            self.bytes(&mut runtime.file);
            self.bytes(&mut runtime.version);
        }
        let changed = program.changed_mappings.iter_mut().filter_map(seen_mut);
        for mapped in changed.flatten() {
            self.bytes(&mut mapped.path);
        }
        let Some(elf) = &mut program.elf else { return };
        self.each(&mut elf.interpreter);
        self.each(&mut elf.run_paths);
        self.each(elf.library_path.iter_mut().filter_map(seen_mut));
        for library in &mut elf.libraries {
            self.bytes(&mut library.name);
            self.bytes(&mut library.needed_by);
            self.each(&mut library.path);
        }
        if let Some(go) = &mut elf.go {
            self.each(&mut go.package);
            self.each(&mut go.module);
        }
    }

    fn dns(&self, dns: &mut DnsConfiguration) {
        if let Some(resolver) = dns.resolv_conf.as_mut().and_then(seen_mut) {
            self.each(&mut resolver.search);
        }
        for entry in dns.hosts.iter_mut().filter_map(seen_mut).flatten() {
            self.each(&mut entry.names);
        }
        for words in [&mut dns.nsswitch_hosts, &mut dns.host_conf] {
            self.each(words.iter_mut().filter_map(seen_mut).flatten());
        }
    }

    fn certificates(&self, certificates: &mut Certificates) {
        for file in seen_mut(&mut certificates.files).into_iter().flatten() {
            self.bytes(&mut file.path);
            if let Some(path) = &mut file.resolved_path {
                self.bytes(path);
            }
            self.found_by(&mut file.found_by);
            for certificate in seen_mut(&mut file.certificates).into_iter().flatten() {
                self.certificate(certificate);
            }
            if let Some(key) = &mut file.private_key {
                self.bytes(&mut key.path);
            }
            self.all(file.faults.iter_mut().map(|fault| &mut fault.says));
            for leaf in file.verdicts.iter_mut().flatten() {
                self.verdict(&mut leaf.verdict);
            }
        }
        for missing in &mut certificates.missing {
            self.bytes(&mut missing.path);
            self.found_by(&mut missing.found_by);
        }
        if let Some(store) = seen_mut(&mut certificates.trust_store) {
            self.trust_store(store);
        }
        let listeners = certificates.served.iter_mut().flatten();
        for serves in listeners.filter_map(|listener| seen_mut(&mut listener.serves)) {
            self.serves(serves);
        }
    }

    fn serves(&self, serves: &mut Serves) {
        match serves {
            Serves::Tls { leaves } => {
                for leaf in leaves {
                    self.all(&mut leaf.server_name);
                    self.certificate(&mut leaf.certificate);
                    if let Some(path) = &mut leaf.path {
                        self.bytes(path);
                    }
                }
            }
            Serves::NotTls { says } => self.bytes(says),
            Serves::Refused { says } => self.words(says),
        }
    }

    fn found_by(&self, reasons: &mut [FoundBy]) {
        for reason in reasons {
            if let FoundBy::Environment(name) = reason {
                self.bytes(name);
            }
        }
    }

    fn certificate(&self, certificate: &mut Certificate) {
        self.all(seen_mut(&mut certificate.subject));
        self.all(seen_mut(&mut certificate.issuer));
        self.all(&mut certificate.subject_alternative_names);
        self.all(&mut certificate.faults);
    }

    fn trust_store(&self, store: &mut TrustStore) {
        self.words(&mut store.evidence);
        self.words(&mut store.consequence);
        for place in &mut store.places {
            if let Some(path) = &mut place.path {
                self.bytes(path);
            }
            self.all(&mut place.variable);
            self.all(&mut place.only_for);
            self.all(&mut place.says);
        }
    }

    fn verdict(&self, verdict: &mut Verdict) {
        self.all(&mut verdict.path);
        self.all(verdict.findings.iter_mut().map(|finding| &mut finding.says));
    }

    fn tls(&self, look: &mut TlsLook) {
        self.words(&mut look.endpoint);
        self.all(&mut look.server_name);
        self.all(&mut look.sni);
        self.all(&mut look.dialled);
        if let Some(resolution) = &mut look.resolution {
            self.all(&mut resolution.full_name);
            self.all(&mut resolution.failed);
        }
        if let Some(failure) = &mut look.failure {
            self.words(&mut failure.says);
            if let Some(said) = &mut failure.server_said {
                self.bytes(said);
            }
        }
        for certificate in &mut look.chain {
            self.certificate(certificate);
        }
        if let Some(store) = look.trust_store.as_mut().and_then(seen_mut) {
            self.trust_store(store);
        }
        for verdict in &mut look.verdicts {
            self.verdict(verdict);
        }
    }

    /// Paths of the target may hold secrets, also those that could not be read.
    fn gap(&self, gap: &mut Gap) {
        for subject in &mut gap.subjects {
            if let Subject::Path(path) = subject {
                self.bytes(path);
            }
        }
        self.all(&mut gap.needs);
    }
}

fn seen_mut<T>(seen: &mut Seen<T>) -> Option<&mut T> {
    match seen {
        Seen::Value(value) => Some(value),
        Seen::Unseen(_) => None,
    }
}
