//! Puts the image where it is needed on this machine, by the program that is there for it.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::ValueEnum;

use super::{ImageError, OwnImage, archive};
use crate::model::escape::escaped;
use crate::sys::tool::{Lent, Said, ask_within, feed_within};

/// A cluster may have several nodes, and a slow disk each.
const LOADING_TIME: Duration = Duration::from_mins(10);
/// An engine answers at once, or is ill.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// What these programs say is a line for each tag.
const SAID_BYTES: usize = 1 << 20;
/// How much of a refusal is repeated.
const REPEATED: usize = 2 << 10;

/// What takes the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageDestination {
    /// Docker's images.
    Docker,
    /// Podman's images.
    Podman,
    /// containerd's images in the namespace of Kubernetes; on each node.
    Containerd,
    /// The nodes of a kind cluster.
    Kind,
    /// The nodes of a minikube cluster.
    Minikube,
    /// The images of k3s; on each node.
    K3s,
}

impl ImageDestination {
    /// The program, its words, and the operand at their end: `-` where it reads stdin, nothing where
    /// it does so by itself, `None` where it takes a file.
    fn words(self) -> (&'static [&'static str], Option<&'static str>) {
        match self {
            Self::Docker => (&["docker", "load"], Some("")),
            Self::Podman => (&["podman", "load", "--quiet"], Some("")),
            Self::Containerd => (&["ctr", "-n", "k8s.io", "images", "import"], Some("-")),
            Self::Kind => (&["kind", "load", "image-archive"], None),
            Self::Minikube => (&["minikube", "image", "load"], Some("-")),
            Self::K3s => (&["k3s", "ctr", "images", "import"], Some("-")),
        }
    }

    /// The engine that responds: docker, else podman.
    fn engine() -> Result<Self, ImageError> {
        let mut why = Vec::new();
        for (engine, words) in [
            // A client without its daemon prints a version as well.
            (
                Self::Docker,
                &["version", "--format", "{{.Server.Version}}"][..],
            ),
            (Self::Podman, &["images", "--quiet"]),
        ] {
            let program = engine.words().0.first().copied().unwrap_or_default();
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            match ask_within(OsStr::new(program), &words, SAID_BYTES, ANSWER_TIME) {
                Ok(said) if said.status.success() => return Ok(engine),
                Ok(said) => why.push(format!("{program}: {}", repeated(&said))),
                Err(error) => why.push(error.to_string()),
            }
        }
        Err(ImageError::NoEngine(why))
    }
}

/// Loads the image, by the engine that responds where no destination is named; `flags` are more words
/// for the program. What it says, a line each.
///
/// # Errors
/// [`ImageError`]: it does not run, or refuses.
pub(crate) fn load(
    image: &OwnImage,
    destination: Option<ImageDestination>,
    flags: &[OsString],
) -> Result<Vec<String>, ImageError> {
    let destination = match destination {
        Some(destination) => destination,
        None => ImageDestination::engine()?,
    };
    let archive = archive(image);
    let (command, operand) = destination.words();
    let mut words: Vec<OsString> = command.iter().map(OsString::from).collect();
    words.extend_from_slice(flags);
    let mut lent = None;
    let mut input = None;
    if let Some(operand) = operand {
        words.extend((!operand.is_empty()).then(|| operand.into()));
        input = Some(archive);
    } else {
        let file = Lent::new(&archive).map_err(ImageError::Memory)?;
        words.push(file.path().into());
        lent = Some(file);
    }
    let (program, arguments) = words
        .split_first()
        .unwrap_or((const { &OsString::new() }, &[]));
    let said = feed_within(program, arguments, input, SAID_BYTES, LOADING_TIME);
    drop(lent);
    let said = said.map_err(ImageError::Tool)?;
    if !said.status.success() {
        return Err(ImageError::LoadRefused {
            code: said.status.code(),
            said: repeated(&said),
            words,
        });
    }
    if matches!(
        destination,
        ImageDestination::Containerd | ImageDestination::K3s
    ) {
        // ctr says how far it is, in words of each version, and not always what it has now.
        let tags = image.variants.iter().flat_map(|variant| &variant.tags);
        return Ok(tags
            .map(|tag| format!("imported {}:{tag}", image.name))
            .collect());
    }
    let lines = said.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.trim_ascii().is_empty());
    Ok(lines.map(|line| escaped(line).into_owned()).collect())
}

/// What a program says of its refusal, in one harmless line.
fn repeated(said: &Said) -> String {
    let text = if said.stderr.trim_ascii().is_empty() {
        &said.stdout
    } else {
        &said.stderr
    };
    let text = text.get(..REPEATED).unwrap_or(text);
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty()).map(escaped);
    let lines = lines.collect::<Vec<_>>().join(" ");
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    lines
}
