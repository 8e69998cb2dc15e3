//! Sends the image to a registry (OCI distribution 1.1): what it does not have yet, then the manifests,
//! then what the tags name.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::header::LOCATION;

use super::content::ImageBlob;
use super::credentials::{self, CredentialError, Login};
use super::registry::{Registry, RegistryRequest, RegistryResponse, RegistryTrust};
use super::{ImageError, ImageName, OwnImage, RegistryFault};
use crate::ask::fetch::{HttpUrl, ProxyVariables};
use crate::model::verdict::Authorities;
use crate::pki::{self, Roots};
use crate::sections::tls::given_authorities;
use crate::sys::own_file;

/// Where Linux distributions keep the authorities that this machine trusts.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// A bundle has some hundred KiB.
const BUNDLE_BYTES: u64 = 8 << 20;
/// Where docker's own registry answers.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");
/// The digest that a registry computed itself.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The step that gives the place of an upload.
const BEGIN: &str = "beginning an upload";

/// What is pushed, and how.
pub(crate) struct PushRequest<'a> {
    /// The image, under the name that it has in the registry.
    pub image: &'a OwnImage,
    /// The authorities to trust, in place of the system's.
    pub ca: Option<PathBuf>,
    /// How long all of it may take.
    pub time: Duration,
}

/// Pushes the image; the tags with the digests that they name.
///
/// # Errors
/// [`ImageError`]: the login is not readable, or the registry does not take it.
pub(crate) fn push(request: &PushRequest<'_>) -> Result<Vec<(ImageName, String)>, ImageError> {
    push_as(request, &credentials::find)
}

/// The login for a registry and a path there.
type FindLogin<'a> = &'a dyn Fn(&str, &str) -> Result<Option<Login>, CredentialError>;

pub(super) fn push_as(
    request: &PushRequest<'_>,
    find_login: FindLogin<'_>,
) -> Result<Vec<(ImageName, String)>, ImageError> {
    let image = request.image;
    let (host, path) = image.name.completed();
    let faulty = |fault| ImageError::Registry {
        host: host.to_owned(),
        fault,
    };
    let address = if host == DOCKER_HUB.0 {
        DOCKER_HUB.1
    } else {
        host
    };
    let root = HttpUrl::parse(&format!("https://{address}/"));
    let root = root.map_err(|why| faulty(RegistryFault::Unreachable(why)))?;
    let trust = authorities(request.ca.as_ref())?;
    let proxies = ProxyVariables::of(|name| std::env::var(name).ok());
    let deadline = Instant::now() + request.time;
    let mut registry = Registry::new(root, trust, proxies, deadline);
    let scope = format!("repository:{path}:pull,push");
    if registry.greet(&scope).map_err(faulty)? {
        registry.login = find_login(host, &path).map_err(ImageError::Credentials)?;
        registry.log_in().map_err(faulty)?;
    }
    let mut pushed = Vec::new();
    let mut upload = Upload {
        registry: &mut registry,
        path: &path,
    };
    for layer in &image.layers {
        upload.blob(layer).map_err(faulty)?;
    }
    for variant in &image.variants {
        for config in &variant.configs {
            upload.blob(config).map_err(faulty)?;
        }
        if variant.manifests.len() > 1 {
            for manifest in &variant.manifests {
                upload
                    .manifest(manifest, &manifest.digest)
                    .map_err(faulty)?;
            }
        }
        for tag in &variant.tags {
            upload.manifest(&variant.top, tag).map_err(faulty)?;
            let name = ImageName {
                tag: Some(tag.clone()),
                ..image.name.clone()
            };
            pushed.push((name, variant.top.digest.clone()));
        }
    }
    Ok(pushed)
}

/// Those of the file, else those of this machine, else Mozilla's.
fn authorities(ca: Option<&PathBuf>) -> Result<RegistryTrust, ImageError> {
    let of = |found, instead_of_given| RegistryTrust {
        roots: Roots::of(found),
        authorities: Authorities::Given,
        instead_of_given,
    };
    if let Some(path) = ca {
        let given = given_authorities(path).map_err(ImageError::Authorities)?;
        return Ok(of(given, None));
    }
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let places = named.into_iter().chain(SYSTEM_BUNDLES.map(PathBuf::from));
    for path in places {
        let Ok(bytes) = own_file::contents(&path, BUNDLE_BYTES) else {
            continue;
        };
        let found = pki::contents(&bytes, None).map(|contents| contents.certificates);
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            return Ok(of(found, Some("this machine")));
        }
    }
    Ok(RegistryTrust {
        roots: Roots::mozilla(),
        authorities: Authorities::Mozilla,
        instead_of_given: None,
    })
}

struct Upload<'a> {
    registry: &'a mut Registry,
    path: &'a str,
}

impl Upload<'_> {
    /// Sends content, unless the registry has it.
    fn blob(&mut self, blob: &ImageBlob) -> Result<(), RegistryFault> {
        let own = self
            .registry
            .url(&format!("/v2/{}/blobs/{}", self.path, blob.digest))?;
        let met = self.registry.ask(&RegistryRequest {
            step: "asking for content",
            method: Method::HEAD,
            url: &own,
            body: None,
        })?;
        // It may lead to where it keeps what it has.
        if matches!(met.status, 200 | 302 | 307 | 308) {
            return Ok(());
        }
        let uploads = self
            .registry
            .url(&format!("/v2/{}/blobs/uploads/", self.path))?;
        let begun = self.registry.ask(&RegistryRequest {
            step: BEGIN,
            method: Method::POST,
            url: &uploads,
            body: None,
        })?;
        let begun = self.succeeded(BEGIN, begun)?;
        let missing = RegistryFault::Unexpected {
            step: BEGIN,
            what: "the place to upload to",
        };
        let location = begun.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(location) = location else {
            return Err(missing);
        };
        let mut place = uploads.join(location).map_err(|_| missing)?;
        let joint = if place.path.contains('?') { '&' } else { '?' };
        place.path = format!(
            "{}{joint}digest={}",
            place.path,
            blob.digest.replacen(':', "%3A", 1)
        );
        self.put(
            "uploading content",
            &place,
            "application/octet-stream",
            blob,
        )
    }

    /// Puts a manifest or an index under a tag or its digest.
    fn manifest(&mut self, manifest: &ImageBlob, reference: &str) -> Result<(), RegistryFault> {
        let url = format!("/v2/{}/manifests/{reference}", self.path);
        let url = self.registry.url(&url)?;
        self.put("uploading a manifest", &url, manifest.media_type, manifest)
    }

    fn put(
        &mut self,
        step: &'static str,
        url: &HttpUrl,
        media_type: &str,
        blob: &ImageBlob,
    ) -> Result<(), RegistryFault> {
        let answered = self.registry.ask(&RegistryRequest {
            step,
            method: Method::PUT,
            url,
            body: Some((media_type, blob.bytes.clone())),
        })?;
        let answered = self.succeeded(step, answered)?;
        let stored = answered.headers.get(CONTENT_DIGEST);
        let stored = stored.map(|stored| String::from_utf8_lossy(stored.as_bytes()).into_owned());
        match stored {
            Some(stored) if stored != blob.digest => Err(RegistryFault::WrongDigest {
                expected: blob.digest.clone(),
                answered: crate::model::escape::escaped(stored.as_bytes())
                    .chars()
                    .take(100)
                    .collect(),
            }),
            _ => Ok(()),
        }
    }

    fn succeeded(
        &self,
        step: &'static str,
        answered: RegistryResponse,
    ) -> Result<RegistryResponse, RegistryFault> {
        match answered.status {
            200..=299 => Ok(answered),
            300..=399 => {
                let to = answered
                    .headers
                    .get(LOCATION)
                    .and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| self.registry.root.join(to).ok());
                Err(RegistryFault::Redirected {
                    step,
                    to: to.map_or_else(|| "nowhere".to_owned(), |to| to.authority()),
                })
            }
            status => Err(self.registry.refused(step, status, &answered.body)),
        }
    }
}
