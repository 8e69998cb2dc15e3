//! What of the target decides how it would ask a server: its files of names, its authorities, its
//! variables of proxies. Read once; the network is asked without it.

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::FetchRequest;
use super::proxy::ProxyVariables;
use super::url::HttpUrl;
use nix::errno::Errno;

use crate::check::dial::{local_server, name_files, shares_network};
use crate::check::{CheckContext, CheckNote, CheckOutcome, CheckReason};
use crate::model::gap::Refusal;
use crate::model::tls::ResolvedBy;
use crate::model::truth_value::TruthValue;
use crate::model::verdict::{Authorities, Judgement, Verdict};
use crate::pki::{self, AskedRuntime, ChainSource, ParsedCertificate, Purpose, Question, Roots};
use crate::probe::endpoint::{Host, is_of_namespace};
use crate::probe::http_client::ServerShown;
use crate::probe::tls::ClientKey;
use crate::redact::Redactor;
use crate::scan::snapshot::ProcessSnapshot;
use crate::sections::tls::names::NameFiles;
use crate::sys::file_limits;
use crate::trust::{self, TrustReach};

/// The target, as far as a request needs it.
pub(crate) struct FetchTarget {
    names: Result<NameFiles, CheckOutcome>,
    shares_network: Option<bool>,
    /// The authorities that the target trusts; `None`: unknown.
    authorities: Option<Vec<Arc<ParsedCertificate>>>,
    runtime: Option<AskedRuntime>,
    /// The proxies that it uses; or why its variables are not readable.
    pub proxies: Result<ProxyVariables, Refusal>,
    /// What has to be known of the answer.
    pub notes: Vec<String>,
    /// For what is printed of headers.
    pub redactor: Redactor,
    now: SystemTime,
}

/// No answer, or none that was wanted.
#[derive(Debug)]
pub(crate) struct FetchFailure {
    /// No, or unknown.
    pub answer: TruthValue,
    /// Why.
    pub says: String,
}

impl FetchFailure {
    /// What could not be known of the target.
    pub(crate) fn of(outcome: &CheckOutcome) -> Self {
        Self {
            answer: outcome.answer,
            says: outcome.reason.to_string(),
        }
    }

    pub(super) fn no(says: impl Into<String>) -> Self {
        Self {
            answer: TruthValue::False,
            says: says.into(),
        }
    }

    pub(super) fn unknown(says: impl Into<String>) -> Self {
        Self {
            answer: TruthValue::Unknown,
            says: says.into(),
        }
    }
}

/// The client certificate that the target would show, with its key, from its own files.
///
/// # Errors
/// That they cannot be read, or are no pair.
pub(crate) fn client_of_target(
    context: &mut CheckContext,
    cert: &str,
    key: &str,
) -> Result<ClientKey, FetchFailure> {
    let (scan, _) = context.scan().map_err(|none| FetchFailure::of(&none))?;
    let root = scan
        .target
        .as_ref()
        .map(|target| target.root(&scan.reader.viewer));
    let root = match root {
        Some(Ok(root)) => root,
        Some(Err(refusal)) => {
            let why = refusal.reason.describe();
            return Err(FetchFailure::unknown(format!("--cert {cert}: {why}")));
        }
        None => return Err(FetchFailure::unknown(format!("--cert {cert}: no target"))),
    };
    let read = |flag: &str, path: &str| {
        let mut bytes = Vec::new();
        let read = root.read(path.as_bytes(), file_limits::CERTIFICATES, &mut bytes);
        let unread = |errno: Errno| {
            let why = errno.desc();
            FetchFailure::unknown(format!("{flag} {path}: {why} (in the target)"))
        };
        read.map(|_| bytes).map_err(unread)
    };
    ClientKey::from_files(&read("--cert", cert)?, &read("--key", key)?).map_err(|fault| {
        let (flag, path) = if fault.is_of_certificate() {
            ("--cert", cert)
        } else {
            ("--key", key)
        };
        FetchFailure::no(format!("{flag} {path} {fault}"))
    })
}

impl FetchTarget {
    /// Reads it.
    ///
    /// # Errors
    /// Those of a look at the target.
    pub(crate) fn read(context: &mut CheckContext) -> Result<Self, CheckOutcome> {
        if !context.may_dial() {
            return Err(CheckOutcome::unknown(CheckReason::ConnectDisabled));
        }
        let mut notes = Vec::new();
        let names = name_files("the host", context).map(|(files, of_files)| {
            notes.extend(of_files.iter().map(ToString::to_string));
            files
        });
        let shares_network = shares_network(context);
        match shares_network {
            Some(false) => notes.push(CheckNote::OtherNetwork.to_string()),
            None => notes.push(CheckNote::NetworkNotCompared.to_string()),
            Some(true) => {}
        }
        let (scan, gaps) = context.scan()?;
        let trust = trust::find(scan, TrustReach::Verdicts, &mut gaps.section("fetch"));
        let (authorities, runtime) = match trust {
            Ok(trust) => (trust.roots, trust.asked),
            Err(_) => (None, None),
        };
        let environ = scan.main_process().and_then(ProcessSnapshot::environ);
        let proxies = match environ {
            Some(Ok(environ)) => Ok(ProxyVariables::of(|name| {
                let mut entries = environ.entries.iter();
                let entry = entries.find(|entry| entry.name == name.as_bytes())?;
                String::from_utf8(entry.value.clone()?).ok()
            })),
            Some(Err(refusal)) => Err(refusal),
            None => Ok(ProxyVariables::default()),
        };
        Ok(Self {
            names,
            shares_network,
            authorities,
            runtime,
            proxies,
            notes,
            redactor: scan.redactor.clone(),
            now: scan.clock.now,
        })
    }

    /// What of the target was not seen that decides this request.
    pub(crate) fn unseen_notes(&self, asked: &FetchRequest) -> Vec<String> {
        let mut notes = Vec::new();
        if let (Err(refusal), None) = (&self.proxies, &asked.proxy) {
            notes.push(format!(
                "the target's proxy variables could not be read ({}): no proxy is used; to name one: -x",
                refusal.reason.describe()
            ));
        }
        notes
    }

    /// The addresses of a server, as the target would find them.
    ///
    /// # Errors
    /// That there are none, or that they mean something else to spyhole.
    pub(super) fn addresses(
        &self,
        host: &Host,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, FetchFailure> {
        let elsewhere = self.shares_network == Some(false);
        let addresses = match host {
            Host::Address(address) => vec![SocketAddr::new(*address, port)],
            Host::Name(_) | Host::Zoned(..) => {
                let name = host.to_string();
                let files = self.names.as_ref().map_err(FetchFailure::of)?;
                let (resolution, resolved) = files.resolve(&name, port, deadline);
                let by = resolution.map(|resolution| resolution.by);
                let of_dns = matches!(by, Some(ResolvedBy::Dns | ResolvedBy::Nobody));
                if of_dns
                    && elsewhere
                    && let Some(server) = local_server(files)
                {
                    let other = CheckReason::ResolverOfOtherNetwork { name, server };
                    return Err(FetchFailure::unknown(other.to_string()));
                }
                resolved.map_err(|failure| FetchFailure {
                    answer: TruthValue::False.unless_partial(elsewhere),
                    says: format!("{name}: {}", failure.says),
                })?
            }
        };
        let is_local = |address: &SocketAddr| is_of_namespace(address.ip());
        if elsewhere && addresses.iter().any(is_local) {
            let other = CheckReason::AddressOfOtherNetwork(format!("{host}:{port}"));
            return Err(FetchFailure::unknown(other.to_string()));
        }
        Ok(addresses)
    }

    /// Whether a server's certificates are trusted: by `given`, by the target, or by Mozilla's roots
    /// where the target's are unknown. Whose authorities those are.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn judge(
        &self,
        url: &HttpUrl,
        shown: &ServerShown,
        given: Option<&[Arc<ParsedCertificate>]>,
    ) -> Result<Authorities, FetchFailure> {
        let (authorities, roots) = match (given, &self.authorities) {
            (Some(given), _) => (Authorities::Given, Roots::of(given.to_vec())),
            (None, Some(own)) => (Authorities::Target, Roots::of(own.clone())),
            (None, None) => (Authorities::Mozilla, Roots::mozilla()),
        };
        let runtime = self.runtime.as_ref();
        let runtime = runtime.filter(|_| authorities == Authorities::Target);
        let verdict = judge_server(&url.host, shown, &roots, authorities, runtime, self.now);
        let says = || {
            let whose = whose(authorities);
            format!("certificate not trusted by {whose}: {}", because(&verdict))
        };
        match verdict.judgement {
            Judgement::Verified if shown.is_key_proved => Ok(authorities),
            Judgement::Verified => Err(FetchFailure::unknown(
                "the server's signature in the handshake is of a kind that spyhole cannot check",
            )),
            Judgement::Refused => Err(FetchFailure::no(says())),
            Judgement::CannotVerify => Err(FetchFailure::unknown(says())),
        }
    }
}

/// The verdict on what a server of this name showed in its handshake.
pub(crate) fn judge_server(
    host: &Host,
    shown: &ServerShown,
    roots: &Roots,
    authorities: Authorities,
    runtime: Option<&AskedRuntime>,
    now: SystemTime,
) -> Verdict {
    let mut chain = Vec::with_capacity(shown.chain.len());
    for der in &shown.chain {
        match ParsedCertificate::read(der) {
            Ok(certificate) => chain.push(Arc::new(certificate)),
            Err(_) => break,
        }
    }
    let name = match host {
        Host::Name(name) => name.trim_end_matches('.').to_owned(),
        Host::Address(address) => address.to_string(),
        Host::Zoned(address, _) => address.to_string(),
    };
    let question = Question {
        chain: &chain,
        unreadable: shown.chain.get(chain.len()).map(Vec::as_slice),
        roots,
        authorities,
        server_name: Some(&name),
        now,
        staple: None,
        source: ChainSource::Server,
        purpose: Purpose::Server,
    };
    pki::judge_for(&question, runtime)
}

/// Whose authorities judged.
pub(super) fn whose(authorities: Authorities) -> &'static str {
    match authorities {
        Authorities::Given => "--ca",
        Authorities::Target => "the target's trust store",
        Authorities::Mozilla => "Mozilla's roots (the target's trust store is unknown)",
    }
}

/// The finding that decided a verdict.
pub(crate) fn because(verdict: &Verdict) -> String {
    let fatal = verdict.findings.iter().find(|finding| finding.fatal);
    let first = fatal.or(verdict.findings.first());
    first.map_or_else(|| "no reason given".to_owned(), |first| first.says.clone())
}
