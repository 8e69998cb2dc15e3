//! How the target looks names up: its files, its resolver, and which of the files that does not read.

use nix::errno::Errno;

use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::network::{DnsConfiguration, HostsEntry, Resolver, ResolverConfiguration};
use crate::model::seen::Seen;
use crate::parse::hosts;
use crate::parse::resolv_conf::{ResolvConf, Server};
use crate::redact::Redactor;
use crate::rights::ptrace_access::AccessCheck;
use crate::scan::Scan;
use crate::scan::program::file::image;
use crate::scan::target::{TargetHandle, by_its_mode};
use crate::sys::ranges::Ranges;
use crate::sys::{InRoot, Truncation, file_limits};

/// Lines of `/etc/hosts` that are shown, of `host.conf`, and sources of `nsswitch.conf`.
const LINES: usize = 256;
const WORDS: usize = 32;

/// Reads it.
pub(super) fn read(
    target: &TargetHandle,
    scan: &Scan,
    gaps: &mut SectionGaps<'_>,
) -> DnsConfiguration {
    let pid = target.main.pid();
    let redactor = &scan.redactor;
    let root = target.root(&scan.reader.viewer);
    let mut file = |path: &[u8], field: &str| -> Option<Seen<Vec<u8>>> {
        let read = match root {
            Ok(root) => contents(root, path),
            Err(refusal) => Err(refusal.clone()),
        };
        read.transpose().map(|bytes| gaps.seen(field, pid, bytes))
    };
    let resolv_conf = file(b"/etc/resolv.conf", "dns.resolv_conf");
    let hosts = file(b"/etc/hosts", "dns.hosts");
    let nsswitch = file(b"/etc/nsswitch.conf", "dns.nsswitch_hosts");
    let host_conf = file(b"/etc/host.conf", "dns.host_conf");
    let resolver = resolver(target, scan);
    let hosts = hosts.map(|bytes| bytes.map(|bytes| hosts_entries(&bytes, redactor)));
    if let Some(Seen::Value((_, true))) = &hosts {
        gaps.record("dns.hosts", pid, &Refusal::of(Reason::Limit));
    }
    let mut dns = DnsConfiguration {
        resolv_conf: resolv_conf
            .map(|bytes| bytes.map(|bytes| configuration(&ResolvConf::parse(&bytes), redactor))),
        hosts: hosts.map(|entries| entries.map(|(entries, _)| entries)),
        nsswitch_hosts: nsswitch.and_then(|bytes| match bytes {
            Seen::Value(bytes) => hosts_sources(&bytes, redactor).map(Seen::Value),
            Seen::Unseen(unseen) => Some(Seen::Unseen(unseen)),
        }),
        host_conf: host_conf.map(|bytes| bytes.map(|bytes| plain_lines(&bytes, redactor))),
        resolver: gaps.seen("dns.resolver", pid, resolver),
        ignored: Vec::new(),
    };
    if let Seen::Value(resolver) = dns.resolver {
        dns.ignored = ignored(resolver, &dns);
    }
    dns
}

/// A file of the target; `None` if there is none.
fn contents(root: &InRoot, path: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let mut bytes = Vec::new();
    match root.read(path, file_limits::NAMES, &mut bytes) {
        Ok(Truncation::Whole) => Ok(Some(bytes)),
        Ok(Truncation::AtLimit) => Err(Refusal::of(Reason::Limit)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => Err(by_its_mode(errno)),
    }
}

fn configuration(parsed: &ResolvConf, redactor: &Redactor) -> ResolverConfiguration {
    let options = [
        ("rotate", parsed.rotate),
        ("use-vc", parsed.tcp_only),
        ("no-aaaa", parsed.no_aaaa),
    ];
    let set = options.into_iter().filter(|(_, is_set)| *is_set);
    ResolverConfiguration {
        name_servers: parsed.servers.iter().map(server).collect(),
        name_servers_left_out: parsed.servers_left_out,
        search: parsed
            .search
            .iter()
            .map(|domain| shown(domain.as_bytes(), redactor))
            .collect(),
        search_left_out: parsed.search_left_out,
        ndots: parsed.ndots,
        timeout_seconds: parsed.timeout.as_secs(),
        attempts: parsed.attempts,
        options: set.map(|(name, _)| name.to_owned()).collect(),
        bad_lines: parsed.bad_lines.clone(),
    }
}

fn server(server: &Server) -> String {
    with_zone(&server.ip, server.zone.as_deref())
}

fn with_zone(address: &impl ToString, zone: Option<&str>) -> String {
    let address = address.to_string();
    zone.map_or_else(|| address.clone(), |zone| format!("{address}%{zone}"))
}

/// The first lines, and whether there are more.
fn hosts_entries(bytes: &[u8], redactor: &Redactor) -> (Vec<HostsEntry>, bool) {
    let mut entries = hosts::entries(bytes);
    let first: Vec<HostsEntry> = entries
        .by_ref()
        .take(LINES)
        .map(|entry| HostsEntry {
            address: with_zone(&entry.address.ip, entry.address.zone),
            names: entry
                .names()
                .take(WORDS)
                .map(|name| shown(name, redactor))
                .collect(),
        })
        .collect();
    (first, entries.next().is_some())
}

/// The words behind `hosts:`; the last such line counts.
fn hosts_sources(bytes: &[u8], redactor: &Redactor) -> Option<Vec<ByteString>> {
    let line = lines(bytes).filter_map(|line| line.strip_prefix(b"hosts:"));
    let words = line.last()?.split(u8::is_ascii_whitespace);
    let words = words.filter(|word| !word.is_empty()).take(WORDS);
    Some(words.map(|word| shown(word, redactor)).collect())
}

fn plain_lines(bytes: &[u8], redactor: &Redactor) -> Vec<ByteString> {
    let lines = lines(bytes).take(LINES);
    lines.map(|line| shown(line, redactor)).collect()
}

/// Lines that are neither empty nor comments.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| {
            let plain = line.split(|byte| *byte == b'#').next();
            plain.unwrap_or_default().trim_ascii()
        })
        .filter(|line| !line.is_empty())
}

fn shown(bytes: &[u8], redactor: &Redactor) -> ByteString {
    (*redactor.text(bytes)).into()
}

/// The resolver that the main program is linked with.
pub(crate) fn resolver(target: &TargetHandle, scan: &Scan) -> Result<Resolver, Refusal> {
    let viewer = &scan.reader.viewer;
    let root = target.root(viewer).map_err(Clone::clone)?;
    let file = Ranges::of_program(&target.main, root)
        .map_err(|errno| target.refusal(errno, AccessCheck::Ptrace, viewer))?;
    let image = image(&file).ok_or(Refusal::of(Reason::Malformed))?;
    let is_musl = image.interpreter.as_ref().map(|path| {
        let name = path.rsplit(|byte| *byte == b'/').next();
        name.is_some_and(|name| name.starts_with(b"ld-musl-"))
    });
    Ok(match (image.go, is_musl) {
        (Some(_), None) => Resolver::Go,
        (Some(_), Some(_)) => Resolver::GoOrLibc,
        (None, Some(true)) => Resolver::Musl,
        (None, Some(false)) => Resolver::Glibc,
        (None, None) => Resolver::Unknown,
    })
}

/// What is there and not read.
fn ignored(resolver: Resolver, dns: &DnsConfiguration) -> Vec<String> {
    let mut ignored = Vec::new();
    let options = dns.resolv_conf.as_ref().and_then(Seen::value);
    let options = options
        .map(|file| file.options.as_slice())
        .unwrap_or_default();
    match resolver {
        Resolver::Musl => {
            if dns.nsswitch_hosts.is_some() {
                ignored.push(
                    "/etc/nsswitch.conf: musl always looks into /etc/hosts, then asks DNS"
                        .to_owned(),
                );
            }
            for option in options {
                ignored.push(format!(
                    "option {option} of /etc/resolv.conf: musl has none of it"
                ));
            }
        }
        Resolver::Go if options.iter().any(|option| option == "no-aaaa") => {
            ignored.push("option no-aaaa of /etc/resolv.conf: Go has none of it".to_owned());
        }
        Resolver::Go | Resolver::GoOrLibc | Resolver::Glibc | Resolver::Unknown => {}
    }
    if matches!(resolver, Resolver::Musl | Resolver::Go) && dns.host_conf.is_some() {
        ignored.push("/etc/host.conf: only glibc reads it".to_owned());
    }
    ignored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_hosts_counts_and_comments_do_not() {
        let redactor = Redactor::new(b"key");
        let text = b"# hosts: x\nhosts: files dns\nhosts:\tfiles [NOTFOUND=return] dns # y\n";
        let sources = hosts_sources(text, &redactor).unwrap();
        let words: Vec<_> = sources.iter().map(ByteString::to_text).collect();
        assert_eq!(words, ["files", "[NOTFOUND=return]", "dns"]);
        assert_eq!(hosts_sources(b"passwd: files\n", &redactor), None);
    }
}
