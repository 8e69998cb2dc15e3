//! The section `tls`: one connection to one server, and the verdicts on its certificates by the
//! target's trust store, by Mozilla's roots, and by `--ca`.

mod fill;
mod given;
pub(crate) mod names;

use core::net::IpAddr;
use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::certificate::Certificate;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::tls::{StartTls, TlsLook};
use crate::model::verdict::Judgement;
use crate::probe::endpoint::{self, Endpoint, EndpointError};
use crate::render::tables::Table;
use crate::render::tables::tls;
use crate::render::tables::tls::Style;
use crate::scan::Scan;
use crate::scan::needs::Files;
use crate::scan::needs::{Needs, Scope};
use crate::trust;
pub(crate) use fill::{NoSocket, TargetSocket, target_socket};
use given::Given;
pub(crate) use given::given_authorities;

/// Flags of `spyhole tls`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsQuery {
    /// The server.
    #[arg(
        value_name = "HOST:PORT|unix:PATH|URL",
        help = "The server: HOST:PORT, [ADDRESS]:PORT, unix:PATH or a URL (default port 443)"
    )]
    pub endpoint: String,
    /// Server name to send (SNI) and to verify (default: the server's host name).
    #[arg(long, value_name = "NAME", conflicts_with = "no_servername")]
    pub servername: Option<String>,
    /// Send no SNI; the certificate's names are still checked.
    #[arg(long)]
    pub no_servername: bool,
    /// Verify with the CA certificates in this file (PEM or DER; in spyhole's own file system).
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub ca: Option<PathBuf>,
    /// Send this client certificate if the server asks for one (PEM or DER).
    #[arg(long, value_name = "FILE", requires = "key")]
    #[serde(skip)]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    #[serde(skip)]
    pub key: Option<PathBuf>,
    /// Offer these ALPN protocols, such as h2,http/1.1.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub alpn: Vec<String>,
    /// Upgrade a plain connection: smtp, imap, pop3, ftp, ldap, postgres, mysql or xmpp.
    #[arg(long, value_name = "PROTOCOL", value_parser = starttls)]
    #[serde(deserialize_with = "deserialize_starttls")]
    pub starttls: Option<StartTls>,
    /// Exit with 1 if a certificate of the chain expires in fewer days.
    #[arg(long, value_name = "N")]
    pub min_days: Option<u32>,
    /// Show only a short summary.
    #[arg(long)]
    pub short: bool,
    /// Also show each certificate of the chain.
    #[arg(long)]
    pub chain: bool,
    /// What the files hold that were named, once they were read.
    #[arg(skip)]
    #[serde(skip)]
    given: OnceCell<Given>,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "tls",
    aliases: &["s_client"],
    about: "Check a TLS server and whether the target trusts its certificates",
    example: "spyhole tls api.internal:443\n  spyhole tls db:5432 --starttls postgres --min-days 14",
    in_dump: false,
    files: trust::FILES.union(Files::NET_NAMESPACE),
    pem: true,
    secrets: false,
    metrics: None,
};

impl Request for TlsQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn check(&self) -> Result<(), String> {
        self.endpoint()?;
        if let Some(name) = &self.servername {
            check_server_name(name).map_err(|why| format!("--servername {why}"))?;
        }
        if let Some(name) = self
            .alpn
            .iter()
            .find(|name| !(1..=255).contains(&name.len()))
        {
            return Err(format!(
                "--alpn {name:?}: a protocol has 1 to 255 bytes, as in --alpn h2,http/1.1"
            ));
        }
        let given = given::read(
            self.ca.as_deref(),
            self.cert.as_deref(),
            self.key.as_deref(),
        );
        let given = given.map_err(|error| error.to_string())?;
        // It is asked once; were it asked again, the first answer stands.
        let _ = self.given.set(given);
        Ok(())
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: trust::FILES | Files::NET_NAMESPACE,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let (Some(time), Ok(endpoint)) = (scan.net.to_endpoint(), self.endpoint()) else {
            let refusal = Refusal::of(Reason::Denied).needing("a run without --no-connect");
            gaps.record("tls", self.endpoint.as_str(), &refusal);
            return;
        };
        report.tls = fill::look(self, &endpoint, time, scan, gaps);
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let Some(look) = &report.tls else {
            return vec![tls::unseen()];
        };
        let style = Style {
            short: self.short,
            chain: self.chain || detail == Detail::Wide,
            wide: detail == Detail::Wide,
        };
        tls::tables(look, report.taken_at, style)
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        report.tls.is_none()
    }

    fn says_no(&self, report: &Report) -> bool {
        report.tls.as_ref().is_some_and(|look| !is_well(look))
    }

    fn dials_endpoint(&self) -> bool {
        true
    }

    fn is_of_target(&self) -> bool {
        false
    }

    fn pem(&self, report: &Report) -> Option<String> {
        let chain = report.tls.as_ref().map(|look| look.chain.as_slice());
        let blocks = chain.unwrap_or_default().iter();
        Some(blocks.map(Certificate::pem).collect())
    }

    fn beside_pem(&self, report: &Report) -> Vec<String> {
        let look = report.tls.as_ref().filter(|look| !is_well(look));
        look.map(tls::refusals).unwrap_or_default()
    }
}

impl TlsQuery {
    fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(&self.endpoint, Some(endpoint::usual_port(self.starttls)))
    }

    fn given(&self) -> &Given {
        self.given.get_or_init(Given::default)
    }
}

/// Whether this can be the name that a certificate is to have: a name of the DNS, or an address.
pub(crate) fn check_server_name(name: &str) -> Result<(), EndpointError> {
    match name.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(_) => endpoint::check_name(name),
    }
}

/// Whether the first verdict, which decides, is a yes, and there are days enough.
fn is_well(look: &TlsLook) -> bool {
    let verified = |first: &crate::model::verdict::Verdict| first.judgement == Judgement::Verified;
    look.failure.is_none()
        && look.verdicts.first().is_some_and(verified)
        && look.min_days.is_none_or(|days| days.enough)
}

const PROTOCOLS: [(&str, StartTls); 10] = [
    ("smtp", StartTls::Smtp),
    ("imap", StartTls::Imap),
    ("pop3", StartTls::Pop3),
    ("ftp", StartTls::Ftp),
    ("ldap", StartTls::Ldap),
    ("postgres", StartTls::Postgres),
    ("mysql", StartTls::Mysql),
    ("xmpp", StartTls::Xmpp),
    ("postgresql", StartTls::Postgres),
    ("mariadb", StartTls::Mysql),
];

fn starttls(text: &str) -> Result<StartTls, String> {
    let named = PROTOCOLS.iter().find(|(name, _)| *name == text);
    named
        .map(|(_, protocol)| *protocol)
        .ok_or_else(|| "expected smtp, imap, pop3, ftp, ldap, postgres, mysql or xmpp".to_owned())
}

fn deserialize_starttls<'de, D: serde::Deserializer<'de>>(
    source: D,
) -> Result<Option<StartTls>, D::Error> {
    let text = String::deserialize(source)?;
    starttls(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
