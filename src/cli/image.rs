//! `image`: spyhole's own image, made from the running program.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgMatches, Args, Command};

use super::exit::Exit;
use super::global::Global;
use super::progress::Progress;
use super::{Failure, attached, given, written};
use crate::own_image::{
    ImageDestination, ImageError, ImageName, ImageProgram, OwnImage, PushRequest, archive, load,
    push,
};
use crate::redact;
use crate::sys::{own_image, report_file};

pub(super) const IMAGE: &str = "image";
const SAVE: &str = "save";
const LOAD: &str = "load";
const PUSH: &str = "push";

/// How long a push may take where `--timeout` does not say it.
const PUSH_TIME: Duration = Duration::from_mins(10);

/// What `image save` takes.
#[derive(Debug, Args)]
struct SaveArgs {
    /// Where to write the archive; - writes it to stdout.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
    /// Name the image so; without a tag: latest and the version (default: spyhole, or
    /// SPYHOLE_IMAGE).
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// Add spyhole for the other architecture (amd64, arm64) as a second platform.
    #[arg(long, value_name = "FILE")]
    also: Option<PathBuf>,
}

/// What `image load` takes.
#[derive(Debug, Args)]
struct LoadArgs {
    /// Where to load it (default: docker or podman, whichever responds).
    #[arg(value_name = "WHERE")]
    destination: Option<ImageDestination>,
    /// Name the image so; without a tag: latest and the version (default: spyhole, or
    /// SPYHOLE_IMAGE).
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    /// More arguments for the program that loads it.
    #[arg(last = true, value_name = "ARGUMENT")]
    flags: Vec<OsString>,
}

/// What `image push` takes.
#[derive(Debug, Args)]
struct PushArgs {
    /// Registry and path, and the only tag (default: latest and the version); each tag has its
    /// variant for root.
    #[arg(value_name = "REF")]
    reference: String,
    /// Add spyhole for the other architecture (amd64, arm64) as a second platform.
    #[arg(long, value_name = "FILE")]
    also: Option<PathBuf>,
    /// Verify the registry with the CA certificates in this file (default: those of this machine).
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    Command::new(IMAGE)
        .about("Save, load or push spyhole's own image, made from this very program")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(
            SaveArgs::augment_args(Command::new(SAVE))
                .about("Write spyhole's own image as an archive (OCI layout and docker archive)")
                .after_help("Example:\n  spyhole image save spyhole.tar"),
        )
        .subcommand(
            LoadArgs::augment_args(Command::new(LOAD))
                .about("Load spyhole's own image into an engine or a cluster of this machine")
                .after_help(
                    "Examples:\n  spyhole image load podman\n  spyhole image load kind -- --name dev",
                ),
        )
        .subcommand(
            PushArgs::augment_args(Command::new(PUSH))
                .about("Push spyhole's own image to a registry")
                .after_help(
                    "Logins are those of docker and podman, their credential helpers included.\n\n\
                     Example:\n  spyhole image push registry.example/team/spyhole",
                ),
        )
        .after_help(
            "Examples:\n  spyhole image save spyhole.tar\n  spyhole image load kind\n  \
             spyhole image push registry.example/team/spyhole",
        )
}

/// Saves, loads or pushes it.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    attached::wait(words);
    match own.subcommand() {
        Some((SAVE, own)) => save(&given(own)?, global),
        Some((LOAD, own)) => loaded(&given(own)?, global),
        Some((PUSH, own)) => pushed(&given(own)?, global),
        _ => Err(Failure::usage("expected save, load or push")),
    }
}

fn save(args: &SaveArgs, global: &Global) -> Result<Exit, Failure> {
    let to_stdout = args.file == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "the archive is not written to a terminal: redirect stdout, or name a FILE",
        ));
    }
    if !to_stdout && !args.force && report_file::is_taken(&args.file) {
        return Err(failure(&ImageError::Exists(args.file.clone())));
    }
    if !to_stdout && args.force {
        let replaceable = report_file::check_replaceable(&args.file);
        replaceable.map_err(|error| failure(&ImageError::Write(error)))?;
    }
    let progress = Progress::start("making the image", global);
    let image = made(named(args.tag.as_deref())?, args.also.as_deref())?;
    let archive = archive(&image);
    drop(progress);
    if to_stdout {
        if let Err(error) = io::stdout().lock().write_all(&archive) {
            return written(&error);
        }
    } else {
        let saved = if args.force {
            report_file::replace(&args.file, &archive)
        } else {
            report_file::create(&args.file, &archive)
        };
        saved.map_err(|error| failure(&ImageError::Write(error)))?;
    }
    if !global.quiet {
        for variant in &image.variants {
            let names = variant.tags.iter();
            let names: Vec<_> = names.map(|tag| format!("{}:{tag}", image.name)).collect();
            let id = variant.configs.first().map(|config| config.digest.as_str());
            say(&format!("{}  {}", names.join(", "), id.unwrap_or_default()));
        }
    }
    Ok(Exit::Done)
}

fn loaded(args: &LoadArgs, global: &Global) -> Result<Exit, Failure> {
    let progress = Progress::start("loading the image", global);
    let image = made(named(args.tag.as_deref())?, None)?;
    let said = load(&image, args.destination, &args.flags).map_err(|error| failure(&error))?;
    drop(progress);
    for line in said {
        if let Err(error) = writeln!(io::stdout(), "{}", redact::sentence(&line)) {
            return written(&error);
        }
    }
    Ok(Exit::Done)
}

fn pushed(args: &PushArgs, global: &Global) -> Result<Exit, Failure> {
    if global.no_connect {
        return Err(Failure::usage("--no-connect: a push opens a connection"));
    }
    let name = named(Some(&args.reference))?;
    if name.registry.is_none() && !name.path.contains('/') {
        let text = format!(
            "{name} names no registry: expected REGISTRY/PATH, such as registry.example/{name}"
        );
        return Err(Failure::usage(text));
    }
    let progress = Progress::start("pushing the image", global);
    let image = made(name, args.also.as_deref())?;
    let pushed = push(&PushRequest {
        image: &image,
        ca: args.ca.clone(),
        time: global.timeout.unwrap_or(PUSH_TIME),
    });
    drop(progress);
    for (name, digest) in pushed.map_err(|error| failure(&error))? {
        if let Err(error) = writeln!(io::stdout(), "{name}@{digest}") {
            return written(&error);
        }
    }
    Ok(Exit::Done)
}

/// The name that was given, or the usual one.
fn named(tag: Option<&str>) -> Result<ImageName, Failure> {
    let name = tag.map_or_else(|| ImageName::parse(&own_image::name()), ImageName::parse);
    let mut name = name.map_err(|error| failure(&error))?;
    if tag.is_none() && name.tag.as_deref() == Some(env!("CARGO_PKG_VERSION")) {
        // It has the other tags too.
        name.tag = None;
    }
    Ok(name)
}

fn made(name: ImageName, also: Option<&Path>) -> Result<OwnImage, Failure> {
    let make = || {
        let running = ImageProgram::running()?;
        let other = also.map(|path| running.other(path)).transpose()?;
        OwnImage::make(name, &running, other.as_ref())
    };
    make().map_err(|error| failure(&error))
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn failure(error: &ImageError) -> Failure {
    let exit = match error {
        ImageError::Name { .. }
        | ImageError::Epoch
        | ImageError::NotStatic
        | ImageError::NotSpyhole { .. }
        | ImageError::SameArchitecture { .. }
        | ImageError::Program { .. }
        | ImageError::Authorities(_)
        | ImageError::Exists(_) => Exit::Usage,
        ImageError::Write(_) | ImageError::Memory(_) => Exit::Internal,
        ImageError::Tool(_)
        | ImageError::NoEngine(_)
        | ImageError::LoadRefused { .. }
        | ImageError::Credentials(_)
        | ImageError::Registry { .. } => Exit::Target,
    };
    Failure {
        exit,
        message: error.to_string(),
    }
}
