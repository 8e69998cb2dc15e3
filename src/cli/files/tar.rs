//! `tar cf - PATH…`: an archive of files of the target, on stdout. GNU tar's ways to spell it, those of
//! `kubectl cp` among them; everything that is not about writing one is refused by name.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::unix::ffi::OsStrExt as _;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command};

use super::{ContentArgs, FilesCommand, Start, refuse_format, without_short};
use crate::attach::copy;
use crate::cli::exit::Exit;
use crate::cli::global::Global;
use crate::cli::habits;
use crate::cli::{Failure, given};
use crate::files::tar::{ArchiveOptions, ArchivePath, write_archive};

pub(super) const TAR: FilesCommand = FilesCommand {
    name: NAME,
    command,
    run,
};

const NAME: &str = "tar";
/// Letters that take a value.
const VALUED: &[u8] = b"fCbTXHgKLNV";

/// What `tar` takes.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct TarArgs {
    /// Create an archive (the only mode).
    #[arg(short = 'c', long, required = true)]
    create: bool,
    /// Where it goes: - for stdout, and nothing else.
    #[arg(short = 'f', long, value_name = "FILE", default_value = "-")]
    file: OsString,
    /// Read the paths that follow from this directory of the target (repeatable).
    #[arg(short = 'C', long, value_name = "DIR")]
    directory: Vec<OsString>,
    /// Files and directories of the target.
    #[arg(id = "path", value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Print each name on stderr.
    #[arg(short = 'v', long)]
    verbose: bool,
    /// Keep holes of any size (default: those of 1 MiB and more).
    #[arg(short = 'S', long)]
    sparse: bool,
    /// Archive extended attributes.
    #[arg(long)]
    xattrs: bool,
    /// Leave out the names of owners.
    #[arg(long)]
    numeric_owner: bool,
    /// Archive the content of a file for each of its names, instead of hard links.
    #[arg(long)]
    hard_dereference: bool,
    /// Enter other file systems below a path, too.
    #[arg(long, conflicts_with = "one_file_system")]
    cross: bool,
    /// Stay on the file system of each path (the default).
    #[arg(long)]
    one_file_system: bool,
    /// Permissions are always archived as they are.
    #[arg(short = 'p', long, visible_alias = "same-permissions", hide = true)]
    preserve_permissions: bool,
    /// For `cp`: follow paths that are links, and write a checksum behind each file.
    #[arg(long = copy::FOR_CP, hide = true)]
    for_cp: bool,
    #[command(flatten)]
    content: ContentArgs,
}

fn command() -> Command {
    let command = TarArgs::augment_args(Command::new(NAME))
        .about("Write an archive of files of the target to stdout")
        .long_about(None)
        .after_help(
            "Files that hold a secret are left out, secrets in other files are replaced; both are \
             named on stderr, with exit code 4.\n\nExamples:\n  spyhole tar cf - /etc/nginx | tar \
             tvf -\n  kubectl cp web-7d9f:/var/log . -c spyhole-x7k2p",
        );
    without_short(command, &["container"])
}

fn run(own: &ArgMatches, global: &Global) -> Result<Exit, Failure> {
    let args: TarArgs = given(own)?;
    refuse_format(NAME, global)?;
    if args.file != "-" {
        return Err(Failure::usage(
            "tar -f: the archive can only be written to stdout (-f -); redirect it: > FILE",
        ));
    }
    if io::stdout().is_terminal() {
        return Err(Failure::usage(
            "tar: the archive is not written to a terminal; redirect it: > FILE",
        ));
    }
    let options = ArchiveOptions {
        paths: paths(own, &args),
        cross: args.cross,
        sparse: args.sparse || args.for_cp,
        xattrs: args.xattrs,
        numeric_owner: args.numeric_owner,
        hard_dereference: args.hard_dereference,
        verbose: args.verbose,
        for_cp: args.for_cp,
    };
    let start = Start::of(global).with(&args.content);
    start
        // How long it takes is up to the files and to the reader.
        .following(global.timeout.is_none())
        .saying("archiving")
        .run(move |files, output| write_archive(files, output, &options))
}

/// The paths, each below the directory that the flags before it lead to.
fn paths(own: &ArgMatches, args: &TarArgs) -> Vec<ArchivePath> {
    let indices = |id| own.indices_of(id).into_iter().flatten();
    let directories: Vec<_> = indices("directory").zip(&args.directory).collect();
    let found = indices("path").zip(&args.paths).map(|(at, path)| {
        let mut directory = Vec::new();
        for (before, named) in &directories {
            if *before > at {
                break;
            }
            if named.as_bytes().starts_with(b"/") {
                directory.clear();
            } else {
                directory.push(b'/');
            }
            directory.extend_from_slice(named.as_bytes());
        }
        ArchivePath::of(&directory, path.as_bytes())
    });
    found.collect()
}

/// The command line with the flags of an old-style first word (`cf`) as flags of their own.
///
/// # Errors
/// What `tar` does elsewhere and not here, by its name.
pub(in crate::cli) fn in_our_words(words: &[OsString]) -> Result<Cow<'_, [OsString]>, clap::Error> {
    let at = habits::command_at(words).filter(|at| words.get(*at).is_some_and(|word| word == NAME));
    let Some(at) = at else {
        return Ok(Cow::Borrowed(words));
    };
    let (before, after) = words.split_at_checked(at + 1).unwrap_or((words, &[]));
    let mut all = before.to_vec();
    if is_of_kubectl(before, after) {
        all.push("--hard-dereference".into());
    }
    all.extend(spelled_out(after));
    refuse(all.get(at + 1..).unwrap_or_default())?;
    Ok(Cow::Owned(all))
}

/// Whether this is what `kubectl cp` runs: `tar cf - PATH`, by that name. It makes an empty file of each hard
/// link, without a word.
fn is_of_kubectl(before: &[OsString], after: &[OsString]) -> bool {
    let by_link = matches!(before, [program, name] if program == NAME && name == NAME);
    by_link && matches!(after, [flags, file, _] if flags == "cf" && file == "-")
}

/// `cfC - DIR` → `-c -f - -C DIR`: the values of old-style letters follow in their order.
fn spelled_out(words: &[OsString]) -> Vec<OsString> {
    let Some((bundle, rest)) = words.split_first() else {
        return Vec::new();
    };
    let letters = bundle.as_bytes();
    let is_bundle = !letters.is_empty() && letters.iter().all(u8::is_ascii_alphabetic);
    if !is_bundle {
        return words.to_vec();
    }
    let mut rest = rest.iter();
    let mut all = Vec::new();
    for letter in letters {
        all.push(OsString::from(format!("-{}", char::from(*letter))));
        if VALUED.contains(letter) {
            all.extend(rest.next().cloned());
        }
    }
    all.extend(rest.cloned());
    all
}

/// Refuses what is not offered.
fn refuse(words: &[OsString]) -> Result<(), clap::Error> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        let bytes = word.as_bytes();
        if let Some(long) = bytes.strip_prefix(b"--") {
            let name = long.split(|byte| *byte == b'=').next().unwrap_or_default();
            refuse_one(&String::from_utf8_lossy(name), "--")?;
        } else if let Some(letters) = bytes.strip_prefix(b"-") {
            for (at, letter) in letters.iter().enumerate() {
                refuse_one(&char::from(*letter).to_string(), "-")?;
                if VALUED.contains(letter) {
                    if at + 1 == letters.len() {
                        words.next();
                    }
                    break;
                }
            }
        }
    }
    Ok(())
}

fn refuse_one(name: &str, dashes: &str) -> Result<(), clap::Error> {
    let why = match name {
        "x" | "extract" | "get" => {
            "extracting is not supported: spyhole never writes to the target"
        }
        "t" | "list" | "d" | "diff" | "compare" => {
            "reading an archive is not supported: tar only creates one (tar cf - PATH)"
        }
        "r" | "append" | "u" | "update" | "A" | "catenate" | "concatenate" | "delete" => {
            "changing an archive is not supported: tar only creates one (tar cf - PATH)"
        }
        "z"
        | "gzip"
        | "j"
        | "bzip2"
        | "J"
        | "xz"
        | "Z"
        | "compress"
        | "a"
        | "auto-compress"
        | "zstd"
        | "lzma"
        | "lzip"
        | "lzop"
        | "I"
        | "use-compress-program" => {
            "compression is not supported: pipe the archive, as in tar cf - PATH | gzip"
        }
        "P" | "absolute-names" => "names in the archive are always relative",
        "dereference" => "links are archived as links; name the file that one leads to",
        "acls" | "selinux" => "not supported: --xattrs archives all extended attributes",
        "remove-files" => "not supported: spyhole never writes to the target",
        _ => return Ok(()),
    };
    let message = format!("tar {dashes}{name}: {why}\n");
    Err(clap::Error::raw(ErrorKind::UnknownArgument, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn spelled(line: &str) -> Result<String, String> {
        let words = words(line);
        let ours = in_our_words(&words).map_err(|error| error.to_string())?;
        Ok(ours.join(std::ffi::OsStr::new(" ")).into_string().unwrap())
    }

    #[test]
    fn an_old_style_word_is_flags() {
        for (typed, ours) in [
            ("spyhole tar cf - /etc", "spyhole tar -c -f - /etc"),
            ("tar tar cvf - /etc", "tar tar -c -v -f - /etc"),
            (
                "tar tar cf - /etc",
                "tar tar --hard-dereference -c -f - /etc",
            ),
            ("spyhole tar cfC - /srv x", "spyhole tar -c -f - -C /srv x"),
            ("spyhole tar -cf - cf", "spyhole tar -cf - cf"),
            (
                "spyhole --pid 7 tar cf - x",
                "spyhole --pid 7 tar -c -f - x",
            ),
            (
                "spyhole kubectl web tar cf - x",
                "spyhole kubectl web tar cf - x",
            ),
            ("spyhole cat tar", "spyhole cat tar"),
            ("spyhole tar", "spyhole tar"),
            ("spyhole tar -cf - -- -x", "spyhole tar -cf - -- -x"),
        ] {
            assert_eq!(spelled(typed), Ok(ours.to_owned()), "{typed}");
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_by_its_name() {
        for (typed, why) in [
            ("spyhole tar xf -", "tar -x: extracting is not supported"),
            ("spyhole tar -xmf - -C /srv", "tar -x: extracting"),
            ("spyhole tar --extract", "tar --extract: extracting"),
            ("spyhole tar tf -", "tar -t: reading an archive"),
            ("spyhole tar czf - /etc", "tar -z: compression"),
            ("spyhole tar c --zstd /etc", "tar --zstd: compression"),
            ("spyhole tar cPf - /etc", "tar -P: names"),
            ("spyhole tar rf - x", "tar -r: changing"),
        ] {
            let refused = spelled(typed).unwrap_err();
            assert!(refused.contains(why), "{typed}: {refused}");
        }
        // The value of a flag is none itself.
        assert!(spelled("spyhole tar -c -f - -C x y").is_ok());
        assert!(spelled("spyhole tar -cC x y").is_ok());
    }

    #[test]
    fn each_directory_is_for_the_paths_behind_it() {
        let line = words("tar -c a -C /x b -C y c -C /z d /e");
        let command = super::command();
        let own = command.try_get_matches_from(line).unwrap();
        let args: TarArgs = given(&own).ok().unwrap();
        let found = paths(&own, &args);
        let found: Vec<_> = found
            .iter()
            .map(|of| String::from_utf8_lossy(&of.path))
            .collect();
        assert_eq!(found, ["/a", "/x/b", "/x/y/c", "/z/d", "/e"]);
    }
}
