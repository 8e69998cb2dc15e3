//! Lists every section: what the command line, the endpoint and `dump` offer follows from here.

use super::section::{Request, Section};
use super::{
    access, capabilities, certificates, containers, environment, mounts, network, processes,
    program, resources, sockets, tls,
};

/// Every section, in the order of the document and of the help.
pub(crate) const REGISTRY: &[Section] = &[
    Section::of::<processes::ProcessesQuery>(&processes::INFO),
    Section::of::<sockets::SocketsQuery>(&sockets::INFO),
    Section::of::<environment::EnvironmentQuery>(&environment::INFO),
    Section::of::<mounts::MountsQuery>(&mounts::INFO),
    Section::of::<network::NetworkQuery>(&network::INFO),
    Section::of::<resources::ResourcesQuery>(&resources::INFO),
    Section::of::<program::ProgramQuery>(&program::INFO),
    Section::of::<capabilities::CapabilitiesQuery>(&capabilities::INFO),
    Section::of::<certificates::CertificatesQuery>(&certificates::INFO),
    Section::of::<containers::ContainersQuery>(&containers::INFO),
    Section::of::<access::AccessQuery>(&access::INFO),
    Section::of::<tls::TlsQuery>(&tls::INFO),
    #[cfg(feature = "sample-section")]
    Section::of::<super::personality::PersonalityQuery>(&super::personality::INFO),
];

/// What `dump` asks: every section that needs no argument.
#[must_use]
pub(crate) fn whole() -> Vec<Box<dyn Request>> {
    REGISTRY.iter().filter_map(Section::whole).collect()
}

#[cfg(test)]
mod tests;
