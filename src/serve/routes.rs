//! Every path there is, from the registry of sections.

use crate::sections::REGISTRY;
use crate::sections::section::Section;

/// Authentication for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone: it tells no more than pass or fail, or is a file of the page.
    Public,
    /// Everyone, and a link of another site may lead there: the page.
    Page,
    /// Requires the token, unless `--public-metrics` is given.
    Metrics,
    /// Requires the token.
    Guarded,
}

/// What answers.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// That the server runs.
    Health,
    /// That it is ready, and what was declared to gate it.
    Ready,
    /// A declared probe; its name is the last part of the path.
    Probe,
    /// A list of the routes.
    Index,
    /// The page for a browser.
    Page,
    /// A file that the page is made of; its name is the rest of the path.
    PageFile,
    /// Every section.
    Dump,
    /// One section.
    Section(&'static Section),
    /// The JSON Schema of the document.
    Schema,
    /// Figures for Prometheus.
    Metrics,
    /// The description of these routes.
    OpenApi,
    /// What is wrong with the target.
    Doctor,
    /// Who holds a port, a process or a file, and why.
    Why,
    /// The rules of `doctor`.
    Explain,
    /// What the server allows and declares.
    Server,
    /// What is in a directory of the target.
    Files,
    /// The content of a file of the target.
    FileContent,
}

/// A path and what answers there.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// The path, without the name of the section or probe at its end.
    pub path: &'static str,
    /// What stands behind it in the path: the name of a section.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Authentication.
    pub access: Access,
    /// What answers.
    pub kind: Kind,
}

const FIXED: &[Route] = &[
    route(
        "/",
        "List the routes of this server",
        Access::Guarded,
        Kind::Index,
    ),
    route(
        "/web/",
        "Serve a file of the page for browsers",
        Access::Public,
        Kind::PageFile,
    ),
    route(
        "/healthz",
        "Liveness: the server is running",
        Access::Public,
        Kind::Health,
    ),
    route("/readyz", "Readiness", Access::Public, Kind::Ready),
    route(
        "/probe/",
        "Run a declared probe",
        Access::Public,
        Kind::Probe,
    ),
    route(
        "/metrics",
        "Metrics for Prometheus",
        Access::Metrics,
        Kind::Metrics,
    ),
    route(
        "/openapi.json",
        "OpenAPI 3.1 description of these routes",
        Access::Guarded,
        Kind::OpenApi,
    ),
    route(
        "/schema.json",
        "JSON Schema of the documents",
        Access::Guarded,
        Kind::Schema,
    ),
    route(
        "/v1/dump",
        "Show all sections in one document",
        Access::Guarded,
        Kind::Dump,
    ),
    route(
        "/v1/doctor",
        "Find what is wrong with the target, worst first",
        Access::Guarded,
        Kind::Doctor,
    ),
    route(
        "/v1/why",
        "Explain which process holds a port, a file or a name",
        Access::Guarded,
        Kind::Why,
    ),
    route(
        "/v1/explain",
        "Explain a finding of doctor, or list all of them",
        Access::Guarded,
        Kind::Explain,
    ),
    route(
        "/v1/server",
        "Show what this server allows, and its probes",
        Access::Guarded,
        Kind::Server,
    ),
    route(
        "/v1/files",
        "List a directory of the target (with --allow-files)",
        Access::Guarded,
        Kind::Files,
    ),
    route(
        "/v1/files/content",
        "Read a file of the target (with --allow-files)",
        Access::Guarded,
        Kind::FileContent,
    ),
];

/// What `/` is for a browser.
const PAGE: Route = route("/", "Show the page", Access::Page, Kind::Page);

const fn route(path: &'static str, about: &'static str, access: Access, kind: Kind) -> Route {
    Route {
        path,
        name: "",
        about,
        access,
        kind,
    }
}

/// All of them.
pub(crate) fn routes() -> impl Iterator<Item = Route> {
    let sections = REGISTRY.iter().map(|section| Route {
        path: "/v1/",
        name: section.info.name,
        about: section.info.about,
        access: Access::Guarded,
        kind: Kind::Section(section),
    });
    FIXED.iter().copied().chain(sections)
}

/// The route of a path, with the name at its end where it takes one. `page` is whether HTML is
/// wanted.
#[must_use]
pub(crate) fn find(path: &str, page: bool) -> Option<(Route, &str)> {
    if page && path == PAGE.path {
        return Some((PAGE, ""));
    }
    routes().find_map(|route| {
        let rest = path.strip_prefix(route.path)?;
        let fits = match route.kind {
            Kind::Probe => !rest.is_empty() && !rest.contains('/'),
            Kind::PageFile => true,
            _ => rest == route.name,
        };
        fits.then_some((route, rest))
    })
}
