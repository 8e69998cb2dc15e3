//! Names of images: `[REGISTRY/]PATH[:TAG]`, as docker and podman read them.

use std::fmt;

use super::ImageError;

/// The registry of names without one.
const DOCKER_HUB: &str = "docker.io";

/// The name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageName {
    /// Host and port; `None`: the engine decides.
    pub registry: Option<String>,
    /// The path in the registry.
    pub path: String,
    /// The tag.
    pub tag: Option<String>,
}

impl ImageName {
    /// Reads it.
    ///
    /// # Errors
    /// [`ImageError::Name`].
    pub(crate) fn parse(text: &str) -> Result<Self, ImageError> {
        let wrong = |expected| ImageError::Name {
            text: text.to_owned(),
            expected,
        };
        if text.contains('@') {
            return Err(wrong("a tag, and no digest: the image has its own"));
        }
        let last = text.rfind('/').map_or(0, |at| at + 1);
        let colon = text.get(last..).and_then(|rest| rest.find(':'));
        let (rest, tag) = match colon.and_then(|at| text.split_at_checked(last + at)) {
            Some((rest, tag)) => (rest, Some(tag.trim_start_matches(':'))),
            None => (text, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("letters, digits, _, . and - in the tag"));
        }
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if is_host(first) => (Some(first), path),
            _ => (None, rest),
        };
        if path.len() > 255 || !path.split('/').all(is_component) {
            return Err(wrong(
                "lower-case letters, digits, ., _ and - between slashes",
            ));
        }
        Ok(Self {
            registry: registry.map(str::to_owned),
            path: path.to_owned(),
            tag: tag.map(str::to_owned),
        })
    }

    /// Without its tag, as it was given.
    pub(crate) fn repository(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.path),
            None => self.path.clone(),
        }
    }

    /// The registry of the name and its path there, as docker completes them.
    pub(crate) fn completed(&self) -> (&str, String) {
        let registry = self.registry.as_deref().unwrap_or(DOCKER_HUB);
        let is_hub = registry == DOCKER_HUB || registry == "index.docker.io";
        if is_hub && !self.path.contains('/') {
            return (DOCKER_HUB, format!("library/{}", self.path));
        }
        (
            if is_hub { DOCKER_HUB } else { registry },
            self.path.clone(),
        )
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository())?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
    }
}

/// Whether the first part of a name is a registry: with a dot or a port, or this machine.
fn is_host(first: &str) -> bool {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    (first.contains(['.', ':']) || first == "localhost") && !first.contains(odd)
}

fn is_component(part: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(is_letter)
        && part.ends_with(is_letter)
        && part.chars().all(|c| is_letter(c) || "._-".contains(c))
        && !part.contains("..")
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.starts_with(is_word)
        && tag.len() <= 128
        && tag.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_completed_as_docker_does() {
        for (text, registry, path, tag) in [
            ("spyhole", "docker.io", "library/spyhole", None),
            (
                "spyhole:0.1.0",
                "docker.io",
                "library/spyhole",
                Some("0.1.0"),
            ),
            ("jane/spyhole", "docker.io", "jane/spyhole", None),
            ("docker.io/spyhole", "docker.io", "library/spyhole", None),
            ("localhost/spyhole:1", "localhost", "spyhole", Some("1")),
            ("localhost:5000/a/b:1", "localhost:5000", "a/b", Some("1")),
            ("[::1]:5000/a", "[::1]:5000", "a", None),
            ("r.example/a__b", "r.example", "a__b", None),
        ] {
            let name = ImageName::parse(text).unwrap();
            assert_eq!(name.completed(), (registry, path.to_owned()), "{text}");
            assert_eq!(name.tag.as_deref(), tag, "{text}");
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_no_registry_has_is_no_name() {
        for text in [
            "",
            ":1",
            "a:",
            "a:b:c",
            "A",
            "a//b",
            "a/",
            "/a",
            "a@sha256:00",
            "a b",
            "a..b",
            "-a",
            "a:-x",
            "r.example/",
            "r.e xample/a",
            "a/b:\u{1b}",
        ] {
            assert!(ImageName::parse(text).is_err(), "{text:?}");
        }
    }
}
