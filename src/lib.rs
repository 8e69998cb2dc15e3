//! The layers, top to bottom. Each may import those below it, never one above:
//!
//! | layer | what it does |
//! |---|---|
//! | [`cli`] | the command line → a request; exit codes |
//! | [`terminal`] | keys, the line that is typed, a pager, the rows of `top` |
//! | [`serve`] | the HTTP endpoint |
//! | [`attach`] | puts spyhole beside a container through kubectl, docker or podman |
//! | [`own_image`] | spyhole's own image: made from this program, saved, loaded, pushed |
//! | [`in_container`] | runs inside the application's own container: `install` and `run` |
//! | [`compare`] | what differs between two documents |
//! | [`spec`] | from a document the Kubernetes container that its target should be |
//! | [`doctor`] | finds what is wrong: rules over the document |
//! | [`ask`] | questions to the network, as the target would ask them: `connect`, `dns`, `fetch` |
//! | [`check`] | checks for probes and scripts: yes, no or unknown |
//! | [`files`] | the target's files: what may be read of them, and how they are walked |
//! | [`image`] | an image that does not run yet: its layers and files, and whether it starts |
//! | [`sections`] | one file or folder a section: from a scan to its part of the document |
//! | [`render`] | model → tables, JSON, YAML, metrics |
//! | [`trust`] | which authorities a program's runtime trusts |
//! | [`scan`] | finds the target and walks /proc once for all sections |
//! | [`probe`] | opens connections: TLS, HTTP, DNS |
//! | [`rights`] | the kernel's access rules: which of them refused, and what would pass |
//! | [`pki`] | verifies certificate chains |
//! | [`redact`] | finds secrets in values, arguments and text |
//! | [`parse`] | kernel and file formats: bytes → plain data |
//! | [`sys`] | files, namespaces and system calls |
//! | [`model`] | the document: plain data with units in its names, no I/O |

#[cfg(not(target_os = "linux"))]
compile_error!(
    "spyhole reads Linux's /proc and is for Linux alone; docs/attach.md shows how to use it from \
     another system, with kubectl"
);

mod ask;
mod attach;
mod check;
mod cli;
mod compare;
mod doctor;
mod files;
mod image;
mod in_container;
pub mod model;
mod own_image;
mod parse;
mod pki;
mod probe;
mod redact;
mod render;
mod rights;
mod scan;
mod sections;
mod serve;
mod spec;
mod sys;
mod terminal;
mod trust;

/// What the program, the tests and the benches use of the layers; everything else is private to
/// the crate, so that the compiler finds what nothing needs any more.
pub mod api {
    pub use crate::cli::{command, parse, run};
    pub use crate::serve::routes::Access;

    /// The name of each section that needs no argument.
    pub fn section_names() -> impl Iterator<Item = &'static str> {
        let sections = crate::sections::REGISTRY.iter();
        let plain = sections.filter(|section| section.whole().is_some());
        plain.map(|section| section.info.name)
    }

    /// The path of each route, the name of its section included, and who may ask it.
    pub fn routes() -> impl Iterator<Item = (String, Access)> {
        let path = |route: crate::serve::routes::Route| format!("{}{}", route.path, route.name);
        crate::serve::routes::routes().map(move |route| (path(route), route.access))
    }

    /// Name resolution as the target would do it.
    pub mod dns {
        pub use crate::probe::dns::{
            Failure, FailureKind, Files, Found, Manner, Name, Rcode, RecordType, ask, resolve,
            resolve_at_port,
        };
    }
    /// The image that spyhole runs from.
    pub mod own_image {
        pub use crate::sys::own_image::DEFAULT;
    }
    /// Reading and judging certificates.
    pub mod pki {
        pub use crate::parse::certificate_file::Fault;
        pub use crate::pki::{
            AskedRuntime, BundleEnd, ChainSource, Contents, FileForm, KeyAlgorithm,
            ParsedCertificate, Purpose, Question, Roots, RuntimeAnswer, RuntimeBundle, StorePlace,
            contents, judge, staple,
        };
    }
}
