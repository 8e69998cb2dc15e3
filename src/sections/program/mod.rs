//! The section `program`: the main program, or a file of the target, and the libraries it needs.

mod build;
mod elf;
mod jvm;
mod mappings;
mod missing_paths;
mod runtime;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::Args;
use nix::errno::Errno;
use serde::Deserialize;

use super::section::{Detail, Request, SectionInfo};
use crate::model::Report;
use crate::model::byte_string::ByteString;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::{Program, ProgramFormat};
use crate::model::seen::Seen;
use crate::render::tables::Table;
use crate::render::tables::program::tables;
use crate::rights::ptrace_access::AccessCheck;
use crate::scan::Scan;
use crate::scan::needs::{Files, Needs, Scope};
use crate::scan::program::file::{Content, content_of};
use crate::scan::target::{TargetHandle, by_its_mode};
use crate::sys::InRoot;
use crate::sys::ranges::Ranges;

/// Flags of `spyhole program`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProgramQuery {
    /// Show this file of the target instead of its main program.
    #[arg(value_name = "PATH")]
    #[serde(skip)]
    pub path: Option<OsString>,
}

/// What the section is.
pub(crate) const INFO: SectionInfo = SectionInfo {
    name: "program",
    aliases: &["exe", "ldd"],
    about: "Show how the main program was built, the libraries it needs and those missing",
    example: "spyhole program",
    in_dump: true,
    files: Files::EXE.union(Files::ENVIRON),
    pem: false,
    secrets: false,
    metrics: None,
};

impl Request for ProgramQuery {
    fn info(&self) -> &'static SectionInfo {
        &INFO
    }

    fn needs(&self, _: Detail) -> Needs {
        Needs {
            files: INFO.files,
            scope: Scope::Main,
            target: true,
        }
    }

    fn fill(&self, scan: &Scan, gaps: &mut SectionGaps<'_>, report: &mut Report) {
        let Some(target) = scan.target.as_ref() else {
            return;
        };
        let subject = Subject {
            scan,
            target,
            named: self.path.as_ref().map(|path| path.as_bytes().to_vec()),
        };
        report.program = Some(subject.program(gaps));
    }

    fn tables(&self, report: &Report, detail: Detail) -> Vec<Table> {
        let program = report.program.iter();
        program
            .flat_map(|one| tables(one, detail == Detail::Wide))
            .collect()
    }

    fn saw_nothing(&self, report: &Report) -> bool {
        let program = report.program.as_ref();
        program.is_none_or(|one| one.format.value().is_none())
    }

    fn says_no(&self, report: &Report) -> bool {
        let elf = report.program.as_ref().and_then(|one| one.elf.as_ref());
        self.path.is_some()
            && elf.is_some_and(|elf| {
                elf.libraries_missing > 0 || elf.interpreter_found == Some(false)
            })
    }
}

/// What is looked at.
struct Subject<'a> {
    scan: &'a Scan,
    target: &'a TargetHandle,
    /// A path of the target; the main program without it.
    named: Option<Vec<u8>>,
}

impl Subject<'_> {
    fn program(&self, gaps: &mut SectionGaps<'_>) -> Program {
        let pid = self.target.main.pid();
        let root = self.target.root(&self.scan.reader.viewer);
        let path = self.path();
        let file = root
            .map_err(Clone::clone)
            .and_then(|root| Ok((root, self.open(root)?)));
        let content = file.as_ref().map_err(Clone::clone);
        let content = content.and_then(|(_, file)| content_of(file).map_err(by_its_mode));
        let is_main = self.named.is_none();
        let mut program = Program {
            pid: is_main.then_some(pid),
            path: gaps.seen("path", pid, path.clone().map(|path| self.shown(&path))),
            on_disk: None,
            format: gaps.seen(
                "format",
                pid,
                content.as_ref().map(format).map_err(Clone::clone),
            ),
            script_interpreter: None,
            note: None,
            elf: None,
            runtime: None,
            jvm: None,
            changed_mappings: None,
            missing_paths: None,
        };
        if is_main {
            mappings::compare(self, &mut program, gaps);
            program.missing_paths = missing_paths::find(self, gaps);
        }
        let path = path.map(|path| mappings::without_mark(path, &program));
        if let (Ok(path), Seen::Value(_)) = (&path, &program.path) {
            program.path = Seen::Value(self.shown(path));
        }
        match (content, file) {
            (Ok(Content::Elf(image)), Ok((root, file))) => {
                let path = path.unwrap_or_default();
                program.elf = Some(elf::read(self, root, &file, &path, *image, gaps));
            }
            (Ok(Content::Script { interpreter }), _) => {
                program.script_interpreter = Some(self.shown(&interpreter));
            }
            (Ok(Content::Other(what)), _) => program.note = Some(what.to_owned()),
            _ => {}
        }
        program
    }

    /// The path of the file, as the target names it.
    fn path(&self) -> Result<Vec<u8>, Refusal> {
        if let Some(path) = &self.named {
            return Ok(path.clone());
        }
        let main = self.scan.main_process();
        match main.and_then(|main| main.exe.clone()) {
            Some(Ok(Some(path))) => Ok(path),
            Some(Err(refusal)) => Err(refusal),
            Some(Ok(None)) | None => Err(Refusal::of(Reason::Vanished)),
        }
    }

    fn open(&self, root: &InRoot) -> Result<Ranges, Refusal> {
        if let Some(path) = &self.named {
            return Ranges::in_root(root, path).map_err(|errno| match errno {
                Errno::ENOENT | Errno::ENOTDIR => Refusal {
                    errno: Some(format!("{errno:?}")),
                    ..Refusal::of(Reason::Vanished)
                },
                errno => by_its_mode(errno),
            });
        }
        let viewer = &self.scan.reader.viewer;
        Ranges::of_program(&self.target.main, root)
            .map_err(|errno| self.target.refusal(errno, AccessCheck::Ptrace, viewer))
    }

    /// Bytes of the target, with the secrets in them replaced.
    fn shown(&self, bytes: &[u8]) -> ByteString {
        (*self.scan.redactor.text(bytes)).into()
    }
}

fn format(content: &Content) -> ProgramFormat {
    match content {
        Content::Elf(_) => ProgramFormat::Elf,
        Content::Script { .. } => ProgramFormat::Script,
        Content::Text => ProgramFormat::Text,
        Content::Other(_) => ProgramFormat::Other,
    }
}
