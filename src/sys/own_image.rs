//! The name of spyhole's own image: what the plugins start and what printed commands name.

/// The variable that names another image. The image itself sets it, so that spyhole in its image
/// knows how it was tagged.
pub(crate) const VARIABLE: &str = "SPYHOLE_IMAGE";

/// The name where nothing else is configured: that of the build (`SPYHOLE_DEFAULT_IMAGE` in its
/// environment), or this version. Never without a tag, which would mean `latest` and pull policy
/// Always.
pub const DEFAULT: &str = match option_env!("SPYHOLE_DEFAULT_IMAGE") {
    Some(name) if !name.is_empty() => name,
    _ => concat!("spyhole:", env!("CARGO_PKG_VERSION")),
};

/// The configured name.
#[must_use]
pub(crate) fn name() -> String {
    let named = std::env::var(VARIABLE).ok();
    named
        .filter(|name| is_name(name))
        .unwrap_or_else(|| DEFAULT.to_owned())
}

/// Whether it can be given to a tool as the name of an image.
#[must_use]
pub(crate) fn is_name(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    !name.is_empty() && !name.starts_with('-') && !name.contains(odd)
}

/// Whether no registry has an image of this name: it names no registry and no owner, or podman's
/// `localhost`. A node can only have it already.
#[must_use]
pub(crate) fn is_local(name: &str) -> bool {
    !name.contains('/') || is_of_localhost(name)
}

/// Whether it has the name that podman and buildah give to what they build.
#[must_use]
pub(crate) fn is_of_localhost(name: &str) -> bool {
    name.starts_with("localhost/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_names_a_version() {
        let (_, last) = DEFAULT.rsplit_once('/').unwrap_or(("", DEFAULT));
        let tag = last.split_once(':').map(|(_, tag)| tag);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{DEFAULT}");
        assert!(is_name(DEFAULT));
    }

    #[test]
    fn what_names_a_registry_is_not_local() {
        for local in ["spyhole", "spyhole:0.1.0", "localhost/spyhole:0.1.0"] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "registry.example/spyhole",
            "localhost:5000/spyhole:1",
            "jane/spyhole",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[test]
    fn what_could_be_taken_for_a_flag_is_no_name() {
        for odd in ["", "-v", "a b", "a\nb", "a\u{1b}b"] {
            assert!(!is_name(odd), "{odd:?}");
        }
    }
}
