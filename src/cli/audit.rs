//! `spyhole audit`: an image before anything of it runs.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;

use clap::{ArgMatches, Args, Command};

use super::doctor::print_lines;
use super::exit::Exit;
use super::global::Global;
use super::progress::Progress;
use super::scan_options::redactor;
use super::{Failure, attached, given, written};
use crate::attach::engine::Engine;
use crate::image::{self, AuditReport, ImageChoice, ImageError, ImageInput, Runtime};
use crate::model::escape::escaped;
use crate::model::format::Format;
use crate::model::severity::Severity;
use crate::render;
use crate::sys::InRoot;
use crate::sys::image_file::{self, NamedImage, Spool};
use crate::sys::own_image;
use crate::sys::tree_entry::OpenedContent;

pub(super) const AUDIT: &str = "audit";

/// What it takes.
#[derive(Debug, Args)]
struct AuditArgs {
    #[arg(
        value_name = "IMAGE",
        help = "An unpacked root directory, an OCI layout, an archive (docker save, podman save; also gzip \
                or zstd), - for an archive from stdin, or the name of an image of Podman or Docker"
    )]
    image: OsString,
    /// Choose the image of this platform, such as linux/arm64 (default: this machine's).
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    /// Choose the image with this tag, where an archive or layout has several.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Predict the words of this runtime: runc or crun (default: that of the engine, else runc).
    #[arg(long, value_name = "RUNTIME", value_enum, hide_possible_values = true)]
    runtime: Option<Runtime>,
}

/// Its subcommand.
pub(super) fn command() -> Command {
    AuditArgs::augment_args(Command::new(AUDIT))
        .about("Judge an image before it runs: whether it starts, secrets, waste, packages")
        .long_about(None)
        .after_help(
            "Nothing is run and nothing is extracted.\n\n\
             Exit codes: 0 no problem was found, 1 a problem was found, 2 usage, 4 the image cannot be \
             read, or it is not known whether it starts.\n\
             Formats: table, json, yaml.\n\n\
             Examples:\n  spyhole audit localhost/web:1\n  spyhole audit web.tar --runtime crun\n  \
             spyhole audit - -o json < web.tar.gz",
        )
}

/// Reads, judges and prints.
pub(super) fn run(own: &ArgMatches, global: &Global, words: &[OsString]) -> Result<Exit, Failure> {
    let asked: AuditArgs = given(own)?;
    let format = global.output.unwrap_or(Format::Table);
    if !matches!(format, Format::Table | Format::Json | Format::Yaml) {
        return Err(Failure::usage("audit prints a table, json or yaml"));
    }
    let is_of_target = global.pid.is_some() || global.container.is_some();
    if is_of_target || global.pod.is_some() || global.own {
        return Err(Failure::usage(
            "audit looks at an image: --pid, --container, --pod and --self choose a container",
        ));
    }
    let shown = escaped(asked.image.as_encoded_bytes()).into_owned();
    let progress = Progress::start("reading the image", global);
    let (input, engine) = input(&asked.image, &shown)?;
    let runtime = asked.runtime.or_else(|| runtime_of(engine));
    let choice = ImageChoice {
        platform: asked.platform,
        tag: asked.tag,
    };
    let redactor = redactor(global)?;
    let report = image::audit(input, &choice, runtime.unwrap_or(Runtime::Runc), &redactor);
    let report = report.map_err(|error| refused(&shown, &error))?;
    drop(progress);
    attached::wait(words);
    let printed = match format {
        Format::Json => render::document(&report, &mut io::stdout().lock()),
        Format::Yaml => render::yaml_document(&report, &mut io::stdout().lock()),
        _ => print_lines(&image::lines(&report)),
    };
    if let Err(error) = printed {
        written(&error)?;
    }
    Ok(exit(&report, global.strict))
}

fn exit(report: &AuditReport, strict: bool) -> Exit {
    if report.worst() == Some(Severity::Problem) {
        return Exit::CheckFailed;
    }
    if report.is_start_unknown() || strict && report.has_gaps() {
        return Exit::Unreadable;
    }
    Exit::Done
}

fn refused(shown: &str, error: &ImageError) -> Failure {
    let exit = match error {
        ImageError::Several { .. }
        | ImageError::NoSuchTag { .. }
        | ImageError::NoPlatform { .. } => Exit::Usage,
        _ => Exit::Unreadable,
    };
    Failure {
        exit,
        message: format!("{shown}: {error}"),
    }
}

/// What the word names: stdin, a path, or an image of an engine.
fn input(word: &OsStr, shown: &str) -> Result<(ImageInput, Option<Engine>), Failure> {
    let unreadable = |error: io::Error| Failure {
        exit: Exit::Unreadable,
        message: format!("{shown}: {error}"),
    };
    if word == "-" {
        let content = from_stdin().map_err(unreadable)?;
        return Ok((ImageInput::Archive(content), None));
    }
    match image_file::open(Path::new(word)) {
        Ok(NamedImage::File(content)) => Ok((ImageInput::Archive(content), None)),
        Ok(NamedImage::Directory) => {
            let root = InRoot::at(Path::new(word));
            let root = root.map_err(|errno| unreadable(errno.into()))?;
            Ok((ImageInput::Directory(root), None))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = word.to_str().filter(|name| own_image::is_name(name));
            let name = name.ok_or_else(|| unreadable(error))?;
            exported(name, shown)
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn from_stdin() -> io::Result<OpenedContent> {
    let mut spool = Spool::begin()?;
    io::copy(&mut io::stdin().lock(), &mut spool)?;
    spool.finish()
}

/// The archive that the engine makes which has the image.
fn exported(name: &str, shown: &str) -> Result<(ImageInput, Option<Engine>), Failure> {
    let engines = [Engine::Podman, Engine::Docker];
    let engine = engines.into_iter().find(|engine| engine.has_image(name));
    let engine = engine.ok_or_else(|| Failure {
        exit: Exit::Unreadable,
        message: format!("{shown}: no such file or directory, and neither podman nor docker has an image of this name for this user"),
    })?;
    let unreadable = |why: String| Failure {
        exit: Exit::Unreadable,
        message: format!("{shown}: {why}"),
    };
    let mut spool = Spool::begin().map_err(|error| unreadable(error.to_string()))?;
    let exported = engine.export(name, &mut |piece| spool.write_all(piece));
    exported.map_err(|error| unreadable(error.to_string()))?;
    let content = spool
        .finish()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok((ImageInput::Archive(content), Some(engine)))
}

fn runtime_of(engine: Option<Engine>) -> Option<Runtime> {
    let name = engine?.runtime()?;
    // Docker calls a runtime as it was configured, such as io.containerd.runc.v2.
    if name.contains("crun") {
        Some(Runtime::Crun)
    } else {
        name.contains("runc").then_some(Runtime::Runc)
    }
}
