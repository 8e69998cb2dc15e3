//! What an ELF file says, and the libraries that it needs.

use super::Subject;
use super::build;
use crate::model::gap::{Reason, Refusal, SectionGaps};
use crate::model::program::{ElfProgram, Linking, ProgramLibrary, RelocationProtection};
use crate::model::seen::Seen;
use crate::parse::elf::{Image, Relro};
use crate::scan::program::{file, libraries};
use crate::scan::snapshot::ProcessSnapshot;
use crate::sys::InRoot;
use crate::sys::executable::Executable;
use crate::sys::ranges::Ranges;

/// What a function calls that finds its stack overwritten.
const CANARY: &[u8] = b"__stack_chk_fail";

pub(super) fn read(
    subject: &Subject<'_>,
    root: &InRoot,
    file: &Ranges,
    path: &[u8],
    image: Image,
    gaps: &mut SectionGaps<'_>,
) -> ElfProgram {
    let pid = subject.target.main.pid();
    let library_path = subject.named.is_none().then(|| library_path(subject));
    let library_path = library_path.and_then(Result::transpose);
    let searched = match &library_path {
        Some(Ok(path)) => path.clone(),
        _ => Vec::new(),
    };
    let run_paths = image.rpaths.iter().chain(&image.runpaths);
    let mut program = ElfProgram {
        architecture: file::machine(image.machine),
        bits: image.bits,
        linking: if image.dynamic {
            Linking::Dynamic
        } else {
            Linking::Static
        },
        position_independent: image.position_independent,
        interpreter: image.interpreter.as_ref().map(|path| subject.shown(path)),
        interpreter_found: image
            .interpreter
            .as_ref()
            .map(|path| Executable::at(root, path).is_ok_and(|found| found.file)),
        build_id: image
            .build_id
            .as_ref()
            .map(|id| data_encoding::HEXLOWER.encode(id)),
        stripped: image.section(b".symtab").is_none(),
        relro: match image.relro {
            Relro::None => RelocationProtection::None,
            Relro::Partial => RelocationProtection::Partial,
            Relro::Full => RelocationProtection::Full,
        },
        stack_canary: file::holds_symbol(file, &image, CANARY),
        nx: !image.executable_stack,
        run_paths: run_paths.map(|path| subject.shown(path)).collect(),
        library_path: library_path.map(|path| {
            let path = path.map(|path| subject.shown(&path));
            gaps.seen("elf.library_path", pid, path)
        }),
        libraries: Vec::new(),
        libraries_missing: 0,
        go: image.go.as_ref().map(|go| build::go(subject, go)),
        rust: build::rust(file, &image, pid, gaps),
    };
    if let Some(needed) = libraries::needed(root, path, image, &searched) {
        if needed.cut {
            gaps.record("elf.libraries", pid, &Refusal::of(Reason::Limit));
        }
        let library = |one: &libraries::NeededLibrary| ProgramLibrary {
            name: subject.shown(&one.name),
            path: one.path.as_ref().map(|path| subject.shown(path)),
            needed_by: subject.shown(&one.needed_by),
        };
        program.libraries = needed.all.iter().map(library).collect();
        let missing = needed.all.iter().filter(|one| one.path.is_none());
        program.libraries_missing = missing.count();
    }
    if matches!(program.library_path, Some(Seen::Unseen(_))) && program.libraries_missing > 0 {
        // One of them may be where nothing was looked for.
        let refusal = Refusal::of(Reason::Denied).needing("the environment of the main process");
        gaps.record("elf.libraries_missing", pid, &refusal);
    }
    program
}

/// `LD_LIBRARY_PATH` of the main process; `None` if it is not set.
fn library_path(subject: &Subject<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    let main = subject.scan.main_process();
    let environ = main.and_then(ProcessSnapshot::environ);
    let environ = environ.unwrap_or_else(|| Err(Refusal::of(Reason::Vanished)))?;
    let entries = environ.entries.iter();
    let set = entries.filter(|entry| entry.name == b"LD_LIBRARY_PATH");
    Ok(set.filter_map(|entry| entry.value.clone()).next())
}
