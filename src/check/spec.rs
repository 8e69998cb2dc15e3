//! What a check asks, as it is written: `tls:db:5432,min-days=14`, `not listen:22`,
//! `all(tcp:127.0.0.1:8080; memory:<90%)`.
//!
//! Options follow a comma. A comma that no option of the kind follows belongs to what stands
//! before it, as in a URL.

mod grammar;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use self::grammar::{CheckOptions, spec};
use crate::probe::endpoint::Endpoint;

/// Longer ones are a mistake.
const LENGTH: usize = 4 << 10;
/// How deep `not` and `all` may be nested.
const DEPTH: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest timeout that a check may have.
const TIMEOUT_AT_MOST: Duration = Duration::from_hours(1);

/// A check with its terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    /// What is asked.
    pub spec: Spec,
    /// How long the answer may take: `timeout=2s`.
    pub timeout: Duration,
    /// How often in a row it must fail before it counts: `fail-after=3`. For a server, which
    /// remembers; a single check fails at once.
    pub fail_after: u32,
    text: String,
}

/// What one check asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spec {
    /// Something accepts connections: `tcp:HOST:PORT`.
    Tcp(Endpoint),
    /// An HTTP server answers: `http://…` or `http:URL`.
    Http(Http),
    /// A gRPC server says that it is healthy: `grpc:HOST:PORT`.
    Grpc(Grpc),
    /// A TLS server shows a certificate that is to be believed: `tls:HOST:PORT`.
    Tls(Tls),
    /// Processes of the target whose name, program or command line holds a word.
    Process(Processes),
    /// Something in the target's network listens on a port.
    Listen(Listen),
    /// A file of the target is there.
    File(File),
    /// A certificate file of the target is valid for this many days.
    Cert {
        /// The path, as the target sees it.
        path: String,
        /// Days.
        min_days: u32,
        /// Whose authorities decide about its leaf certificates.
        verify: Verify,
    },
    /// A name resolves as the target would resolve it.
    Dns(String),
    /// Memory of the target's cgroup, as a share of its limit.
    Memory(Bound),
    /// Open descriptors of the process that is nearest to its limit, as a share of it.
    Fds(Bound),
    /// The opposite; what is unknown stays unknown.
    Not(Box<Spec>),
    /// All of them: no beats unknown beats yes.
    All(Vec<Spec>),
    /// One of them: yes beats unknown beats no.
    Any(Vec<Spec>),
}

/// `http:URL[,status=200-399][,body~TEXT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Http {
    /// Whether it is `https`.
    pub is_tls: bool,
    /// The server.
    pub endpoint: Endpoint,
    /// Host and port as they are written: the header `Host`.
    pub authority: String,
    /// The path with its query.
    pub path: String,
    /// The answers that pass, from and to.
    pub status: (u16, u16),
    /// What the body must hold.
    pub body: Option<String>,
}

/// `grpc:HOST:PORT[,service=NAME]`, `grpcs:` over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grpc {
    /// Whether it is `grpcs`.
    pub is_tls: bool,
    /// The server.
    pub endpoint: Endpoint,
    /// Host and port as they are written: the header `:authority`.
    pub authority: String,
    /// The service; empty: the server as a whole.
    pub service: String,
}

/// `tls:HOST:PORT[,min-days=N][,servername=NAME][,verify=target|mozilla|none]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The server.
    pub endpoint: Endpoint,
    /// Days that the certificate must be valid for.
    pub min_days: u32,
    /// The name to ask for, where it is not the host.
    pub server_name: Option<String>,
    /// Whose authorities decide.
    pub verify: Verify,
}

/// Whose authorities decide about a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Those of the target's trust store.
    Target,
    /// Mozilla's.
    Mozilla,
    /// None: only the expiry counts.
    None,
}

/// `process:WORD[,min=1][,max=N][,min-uptime=30s][,max-restarts=N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processes {
    /// What the name, the program or the command line holds.
    pub word: String,
    /// At least this many.
    pub min: u32,
    /// At most this many.
    pub max: Option<u32>,
    /// Each for so long at least.
    pub min_uptime: Option<Duration>,
    /// How many may have been replaced since a server began to watch.
    pub max_restarts: Option<u32>,
}

/// `listen:PORT[,protocol=tcp|udp]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen {
    /// The port.
    pub port: u16,
    /// Whether it is UDP.
    pub udp: bool,
}

/// `file:PATH[,max-age=5m][,min-size=1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// The path, as the target sees it.
    pub path: String,
    /// Since its content changed.
    pub max_age: Option<Duration>,
    /// Bytes.
    pub min_size: u64,
}

/// `<90%`, `<=90%`, `>10%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bound {
    /// The relation that passes.
    pub relation: Relation,
    /// Percent.
    pub percent: f64,
}

/// How a value stands to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// `<`.
    Below,
    /// `<=`.
    AtMost,
    /// `>`.
    Above,
    /// `>=`.
    AtLeast,
}

impl Bound {
    /// Whether a share passes.
    #[must_use]
    pub(crate) fn holds(self, percent: f64) -> bool {
        match self.relation {
            Relation::Below => percent < self.percent,
            Relation::AtMost => percent <= self.percent,
            Relation::Above => percent > self.percent,
            Relation::AtLeast => percent >= self.percent,
        }
    }

    /// Whether it bounds from below.
    #[must_use]
    pub(crate) fn is_lower(self) -> bool {
        matches!(self.relation, Relation::Above | Relation::AtLeast)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LENGTH {
            return Err(format!("expected at most {LENGTH} bytes"));
        }
        let mut options = CheckOptions::of_any(text, &["timeout", "fail-after"])?;
        let timeout = options.duration("timeout")?.unwrap_or(TIMEOUT);
        let fail_after = options.number("fail-after")?.unwrap_or(1);
        if timeout.is_zero() || fail_after == 0 {
            return Err("timeout and fail-after must be greater than zero".into());
        }
        if timeout > TIMEOUT_AT_MOST {
            return Err("timeout: expected at most 1h".into());
        }
        Ok(Self {
            spec: spec(options.head, DEPTH)?,
            timeout,
            fail_after,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) -> Check {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn wrong(text: &str) -> String {
        text.parse::<Check>().expect_err(text)
    }

    #[test]
    fn each_kind_is_read() {
        let Spec::Tcp(endpoint) = check("tcp:db:5432").spec else {
            panic!()
        };
        assert_eq!(endpoint.to_string(), "db:5432");
        let Spec::Tls(tls) = check("tls:api:443,min-days=14,verify=mozilla").spec else {
            panic!()
        };
        assert_eq!((tls.min_days, tls.verify), (14, Verify::Mozilla));
        let Spec::Grpc(grpc) = check("grpcs:api:443,service=a.v1.B").spec else {
            panic!()
        };
        assert!(grpc.is_tls);
        assert_eq!(
            (grpc.authority.as_str(), grpc.service.as_str()),
            ("api:443", "a.v1.B")
        );
        let Spec::Process(process) = check("process:nginx,min=2,max-restarts=3").spec else {
            panic!()
        };
        assert_eq!((process.min, process.max_restarts), (2, Some(3)));
        assert_eq!(
            check("listen:53,protocol=udp").spec,
            Spec::Listen(Listen {
                port: 53,
                udp: true
            })
        );
        let Spec::File(file) = check("file:/tmp/alive,max-age=5m").spec else {
            panic!()
        };
        assert_eq!(file.max_age, Some(Duration::from_mins(5)));
        let Spec::Memory(bound) = check("memory:<90%").spec else {
            panic!()
        };
        assert!(bound.holds(89.9) && !bound.holds(90.0));
    }

    #[test]
    fn what_is_unusual_and_can_be_meant() {
        for text in [
            "tcp:[::1]:80",
            "tcp:[fe80::1%eth0]:80",
            "tcp:unix:/run/db.sock",
            "tcp:unix:@db",
            "tls:https://api",
            "grpc:[::1]:50051,service=a.v1.B/x",
            "grpcs:unix:/run/api.sock",
            "tls:10.0.0.1:443,servername=::1",
            "http://a?x=1",
            "http://a/x,min=1#part",
            "http:http://a/x,timeout=3,status=2xx",
            "process:a,min=0,max=0",
            "process:(sd-pam)",
            "all(process:(sd-pam); any(listen:1; not listen:2))",
            "file:/a,b=c",
            "dns:10.0.0.1",
            "dns:db.svc.",
            "memory:<=100%",
            "fds:>0.5%",
        ] {
            check(text);
        }
    }

    #[test]
    fn a_url_keeps_its_own_commas() {
        let Spec::Http(http) = check("http:http://app:8080/a?b=1,2,status=2xx,body~up").spec else {
            panic!()
        };
        assert_eq!(http.endpoint.to_string(), "app:8080");
        assert_eq!(http.path, "/a?b=1,2");
        assert_eq!(http.status, (200, 299));
        assert_eq!(http.body.as_deref(), Some("up"));
    }

    #[test]
    fn a_word_keeps_what_is_no_option() {
        for word in ["ro,size=5", "a,b=c", "a,x", "-Dkey=min,mode=1"] {
            let spec = check(&format!("process:{word}")).spec;
            assert!(
                matches!(spec, Spec::Process(found) if found.word == word),
                "{word}"
            );
        }
    }

    #[test]
    fn terms_belong_to_the_whole_check() {
        let check = check("all(tcp:a:1; not listen:22),fail-after=3,timeout=500ms");
        assert_eq!(check.fail_after, 3);
        assert_eq!(check.timeout, Duration::from_millis(500));
        let Spec::All(parts) = check.spec else {
            panic!()
        };
        assert!(matches!(parts.as_slice(), [Spec::Tcp(_), Spec::Not(_)]));
    }

    #[test]
    fn what_cannot_be_meant_is_told_with_what_was_expected() {
        for (text, expected) in [
            ("tcp:db", "HOST:PORT"),
            ("ping:db", "is not a check"),
            ("listen:http", "a port"),
            ("cert:tls.crt", "absolute path"),
            ("memory:90%", "such as <90%"),
            ("http:ftp://a", "http://"),
            ("tls:a:1,verify=yes", "target, mozilla or none"),
            ("tcp:a:1,timeout=0s", "greater than zero"),
            ("all(tcp:a:1", "expected )"),
            ("all(process:a))", "do not match"),
            ("any()", "is not a check"),
            ("tcp:[::1", "brackets"),
            ("tcp::80", "HOST:PORT"),
            ("tcp:::1:80", "port is missing"),
            ("tcp:db:+5432", "not a port"),
            ("tcp:a b:1", "HOST:PORT"),
            ("tcp:http://a:1", "HOST:PORT"),
            ("tcp:unix:run/x", "unix:/PATH"),
            ("tcp:a:1,min-days=3", "not an option"),
            ("http://", "HOST:PORT"),
            ("http:///health", "HOST:PORT"),
            ("http://:80/", "HOST:PORT"),
            ("http://a:0/", "not a port"),
            ("http://[::1/", "brackets"),
            ("http://me:pass@a/", "password"),
            ("http://a/b c", "%XX"),
            ("http://a/,status=200-100", "greater than"),
            ("http://a/,status=", "a value"),
            ("http://a/,status=+200", "2xx"),
            ("http://a/,status~200", "status="),
            ("http://a/,body=up", "body~"),
            ("http://a/,body~", "a value"),
            ("tls:a", "port is missing"),
            ("grpc:a", "HOST:PORT"),
            ("grpc:http://a:1", "HOST:PORT"),
            ("grpc:a:1,service=", "a value"),
            ("grpc:a:1,servce=x", "did you mean service?"),
            ("tcp:a:1,service=x", "not an option"),
            ("tls:a..b:1", "HOST:PORT"),
            ("tls:a:1,servername=a b", "servername"),
            ("tls:a:1,servername=", "a value"),
            ("tls:a:1,verify=", "a value"),
            ("process:,min=1", "a word"),
            ("process:a,min=2,max=1", "greater than"),
            ("process:a,max=0", "not process"),
            ("process:a,min=+1", "a number"),
            ("process:a,max-age=1m", "not an option"),
            ("all(process:a,timeout=1s; listen:1)", "a duration"),
            ("all(process:a,max-age=1s; listen:1)", "not an option"),
            ("listen:+80", "a port"),
            ("listen:80,protocol=", "a value"),
            ("file:/a,max-age=0s", "greater than zero"),
            ("file:/a,min-days=3", "not an option"),
            ("cert:/a,verify=", "a value"),
            ("cert:/a,min-days=-1", "a number"),
            ("dns:a b", "HOST:PORT"),
            ("dns:http://a", "HOST:PORT"),
            ("dns:a:53", "HOST:PORT"),
            ("memory:<0%", "below 0%"),
            ("fds:>=0%", "at least 0%"),
            ("memory:<101%", "at most 100%"),
            ("memory:<1e1%", "such as <90%"),
            ("memory:<%", "such as <90%"),
            ("tcp:a:1,timeout=2h", "at most 1h"),
            ("tcp:a:1,timeout=1s,timeout=2s", "more than once"),
            ("not process:a,mim=2", "did you mean min?"),
            ("process:a,MIN=2", "did you mean min?"),
            ("process:a,min-upitme=1h", "did you mean min-uptime?"),
            ("process:a,max-restart=1", "did you mean max-restarts?"),
            ("http://a/,statsu=200", "did you mean status?"),
            ("file:/a,maxage=5m", "did you mean max-age?"),
            ("process:a,timout=1s", "did you mean timeout?"),
        ] {
            let why = wrong(text);
            assert!(why.contains(expected), "{text}: {why}");
        }
        wrong(&"not ".repeat(100));
        wrong(&"all(".repeat(1_000));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            let _ = text.parse::<Check>();
        }

        #[test]
        fn no_nesting_panics(text in "(not |all\\(|;|\\)|tcp:a:1|,min=1){0,60}") {
            let _ = text.parse::<Check>();
        }
    }
}
