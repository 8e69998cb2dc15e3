//! The page for a browser: the files of `web/`, built in and public. They hold nothing of a target;
//! the page asks `/v1/…` with a token, as any client does.

use std::io::{self, Write};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, HeaderValue, VARY,
};
use hyper::{Method, Request, StatusCode};

use super::problem::Problem;
use super::reply::{PAGE_FILES, Reply};
use super::static_document::{self, StaticDocument};

/// The file that `/` answers a browser with.
const INDEX: &str = "index.html";

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        static ASSETS: [Asset; [$($name),*].len()] = [$(Asset {
            name: $name,
            content: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/", $name)),
            as_it_is: OnceLock::new(),
            compressed: OnceLock::new(),
        }),*];
    };
}

// Every file of `web/` that has one of the media types, sorted.
assets![
    "access.js",
    "api.js",
    "app.css",
    "app.js",
    "capabilities.js",
    "certificates.js",
    "chart.js",
    "dom.js",
    "environment.js",
    "files.js",
    "format.js",
    "gaps.js",
    "history.js",
    "icon.svg",
    "index.html",
    "mounts.js",
    "network.js",
    "overview.js",
    "page.js",
    "plain.js",
    "processes.js",
    "resources.js",
    "sockets.js",
    "table.js",
    "tabs.js",
    "token.js",
];

/// Only files of this server, no inline script or style, no string that becomes markup.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'",
);
/// Ask each time whether it changed: another version may run there the next time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// A file of the page.
struct Asset {
    /// Its path below `web/`.
    name: &'static str,
    content: &'static [u8],
    as_it_is: OnceLock<Option<StaticDocument>>,
    compressed: OnceLock<Option<StaticDocument>>,
}

impl Asset {
    fn media_type(&self) -> Option<&'static str> {
        media_type(self.name)
    }

    fn document(&self, gzip: bool) -> Option<&StaticDocument> {
        let made = if gzip {
            self.compressed.get_or_init(|| {
                let bytes = compress(self.content).ok()?;
                StaticDocument::of(self.media_type()?, bytes)
            })
        } else {
            self.as_it_is.get_or_init(|| {
                StaticDocument::of(self.media_type()?, Bytes::from_static(self.content))
            })
        };
        made.as_ref()
    }
}

fn media_type(name: &str) -> Option<&'static str> {
    let mut kinds = PAGE_FILES.iter();
    kinds.find_map(|(end, kind)| name.ends_with(end).then_some(*kind))
}

fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

/// Whether `/` shall be the page: browsers ask for HTML, API clients for anything or for text.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    accepts(headers, ACCEPT, "text/html")
}

/// The page itself.
///
/// # Errors
/// That it could not be made, which is a bug.
pub(super) fn index<B>(request: &Request<B>) -> Result<Reply, Problem> {
    let index = ASSETS.iter().find(|asset| asset.name == INDEX);
    let index = index.ok_or_else(Problem::lost)?;
    answer(
        index,
        request.headers(),
        HeaderValue::from_static("Accept, Accept-Encoding"),
    )
}

/// A file that the page is made of. Relative links need `/` for the page itself.
///
/// # Errors
/// That there is none of this name.
pub(super) fn file<B>(name: &str, request: &Request<B>) -> Result<Reply, Problem> {
    let mut others = ASSETS.iter().filter(|asset| asset.name != INDEX);
    let asset = others.find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not found"))?;
    answer(
        asset,
        request.headers(),
        HeaderValue::from_static("Accept-Encoding"),
    )
}

fn answer(asset: &'static Asset, headers: &HeaderMap, vary: HeaderValue) -> Result<Reply, Problem> {
    let gzip = accepts(headers, ACCEPT_ENCODING, "gzip");
    let mut reply = static_document::answer(asset.document(gzip), headers)?;
    let is_sent = reply.status() == StatusCode::OK;
    let fields = reply.headers_mut();
    if gzip && is_sent {
        fields.insert(CONTENT_ENCODING, GZIP);
    }
    fields.insert(VARY, vary);
    fields.insert(CACHE_CONTROL, REVALIDATE);
    fields.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    fields.insert(OPENER_POLICY, SAME_ORIGIN);
    Ok(reply)
}

/// Whether a list of weighted values names this one, and not with the weight 0 (RFC 9110, section
/// 12.4.2).
fn accepts(headers: &HeaderMap, field: HeaderName, wanted: &str) -> bool {
    let lines = headers.get_all(field).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let refused = weight.is_some_and(|weight| {
            !weight
                .parse::<f32>()
                .is_ok_and(|weight| weight > 0.0 && weight <= 1.0)
        });
        named && !refused
    })
}

/// Whether a browser follows a link to the page, or opens it from a bookmark or a file.
pub(super) fn is_navigation<B>(request: &Request<B>) -> bool {
    const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
    let only = |name: HeaderName, value: &str| {
        let mut given = request.headers().get_all(name).iter();
        given.next().is_some_and(|given| given == value) && given.next().is_none()
    };
    request.method() == Method::GET && only(FETCH_MODE, "navigate") && only(FETCH_DEST, "document")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The bytes of the whole page that a browser has to load.
    const MOST: usize = 60 << 10;

    #[allow(
        clippy::disallowed_methods,
        reason = "the folder is what the table is compared with"
    )]
    fn files(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{prefix}{name}");
            if entry.file_type().unwrap().is_dir() {
                if name != "node_modules" {
                    files(&entry.path(), &format!("{path}/"), found);
                }
            } else if media_type(&name).is_some() {
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_table_is_the_folder() {
        let mut found = BTreeSet::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        files(&folder, "", &mut found);
        let served: Vec<_> = ASSETS.iter().map(|asset| asset.name).collect();
        assert_eq!(served, found.iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_page_is_small() {
        let sizes = ASSETS
            .iter()
            .map(|asset| compress(asset.content).unwrap().len());
        let size: usize = sizes.sum();
        assert!(size <= MOST, "{size} bytes compressed");
    }

    #[test]
    fn a_weight_of_0_refuses() {
        let judged = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts(&headers, ACCEPT_ENCODING, "gzip")
        };
        for value in [
            "gzip",
            "deflate, GZIP;q=0.5",
            "br, gzip ; q=1.0",
            "gzip;q=0.001",
        ] {
            assert!(judged(value), "{value}");
        }
        for value in [
            "",
            "identity",
            "gzip;q=0",
            "gzip;q=0.000",
            "x-gzip",
            "*",
            "gzip;q=nan",
            "gzip;q=-1",
            "gzip;q=inf",
            "gzipped",
        ] {
            assert!(!judged(value), "{value}");
        }
    }
}
