//! The tables of `program`: a card of what it is, then its libraries, and mappings that changed.

use super::table::{Cell, Heading, Table};
use crate::model::byte_string::ByteString;
use crate::model::program::{
    ElfProgram, GoBuild, JvmCounters, Linking, OnDisk, Program, ProgramFormat,
    RelocationProtection, RustBuild,
};
use crate::model::seen::Seen;
use crate::model::units::bytes_short;

/// The program; build settings and packages with `wide`.
#[must_use]
pub(crate) fn tables(program: &Program, wide: bool) -> Vec<Table> {
    let mut tables = vec![card(program, wide)];
    if let Some(elf) = &program.elf {
        tables.extend(libraries(elf));
    }
    if let Some(Seen::Value(changed)) = &program.changed_mappings
        && !changed.is_empty()
    {
        tables.push(Table {
            title: Some("Mapped files that are no longer those on disk".to_owned()),
            headings: vec![Heading::left("FILE"), Heading::left("STATE")],
            rows: changed
                .iter()
                .map(|one| vec![(&one.path).into(), state(one.state)])
                .collect(),
            ..Table::default()
        });
    }
    tables
}

fn card(program: &Program, wide: bool) -> Table {
    let mut card = Card(Vec::new());
    card.add("file", Cell::of(Some(&program.path), |path| path.into()));
    if let Some(on_disk) = &program.on_disk {
        card.add(
            "on disk",
            Cell::of(Some(on_disk), |on_disk| state(*on_disk)),
        );
    }
    let format = |format: &ProgramFormat| match format {
        ProgramFormat::Elf => "ELF".into(),
        ProgramFormat::Script => "script".into(),
        ProgramFormat::Text => "text without #!".into(),
        ProgramFormat::Other => match &program.note {
            Some(note) => note.clone().into(),
            None => Cell::Absent,
        },
    };
    card.add("format", Cell::of(Some(&program.format), format));
    if let Some(interpreter) = &program.script_interpreter {
        card.add("interpreter", interpreter.into());
    }
    if let Some(elf) = &program.elf {
        card.elf(elf, wide);
    }
    if let Some(runtime) = &program.runtime {
        let version = runtime.version.to_text();
        card.text("runtime", &format!("{} {version}", runtime.name));
    }
    if let Some(jvm) = &program.jvm {
        match jvm {
            Seen::Value(jvm) => card.jvm(jvm),
            Seen::Unseen(_) => card.add("JVM", Cell::Unseen),
        }
    }
    Table {
        headings: vec![Heading::left(""), Heading::left("")],
        rows: card.0,
        ..Table::default()
    }
}

struct Card(Vec<Vec<Cell>>);

impl Card {
    fn add(&mut self, name: &'static str, cell: Cell) {
        self.0.push(vec![name.into(), cell]);
    }

    fn text(&mut self, name: &'static str, text: &str) {
        self.add(name, Cell::Outside(text.into()));
    }

    fn elf(&mut self, elf: &ElfProgram, wide: bool) {
        let linking = match elf.linking {
            Linking::Dynamic => "dynamic",
            Linking::Static => "static",
        };
        self.text("architecture", &elf.architecture);
        self.add("linking", linking.into());
        if let Some(interpreter) = &elf.interpreter {
            let found = if elf.interpreter_found == Some(false) {
                " (not found)"
            } else {
                ""
            };
            self.text("loader", &format!("{}{found}", interpreter.to_text()));
        }
        let yes = |is: bool| if is { "yes" } else { "no" };
        let relro = match elf.relro {
            RelocationProtection::None => "none",
            RelocationProtection::Partial => "partial",
            RelocationProtection::Full => "full",
        };
        let canary = elf.stack_canary.map_or("unknown", yes);
        let (pie, nx) = (yes(elf.position_independent), yes(elf.nx));
        self.text(
            "hardening",
            &format!("PIE {pie}, RELRO {relro}, stack canary {canary}, NX {nx}"),
        );
        self.add("stripped", yes(elf.stripped).into());
        if let Some(id) = &elf.build_id {
            self.text("build id", id);
        }
        for path in &elf.run_paths {
            self.add("run path", path.into());
        }
        if let Some(path) = &elf.library_path {
            self.add("LD_LIBRARY_PATH", Cell::of(Some(path), |path| path.into()));
        }
        if let Some(go) = &elf.go {
            self.go(go, wide);
        }
        if let Some(rust) = &elf.rust {
            self.rust(rust, wide);
        }
    }

    fn jvm(&mut self, jvm: &JvmCounters) {
        let words = [&jvm.vm_name, &jvm.vm_version].into_iter().flatten();
        let words: Vec<String> = words.map(ByteString::to_text).map(Into::into).collect();
        self.text("JVM", &words.join(" "));
        if let Some(seconds) = jvm.uptime_seconds {
            self.text("uptime", &format!("{seconds:.0}s"));
        }
        let of = |used: Option<u64>, capacity: Option<u64>| {
            let (used, capacity) = (bytes_short(used?), bytes_short(capacity?));
            Some(format!("{used} used of {capacity}"))
        };
        if let Some(heap) = of(jvm.heap_used_bytes, jvm.heap_capacity_bytes) {
            self.text("heap", &heap);
        }
        if let Some(meta) = of(jvm.metaspace_used_bytes, jvm.metaspace_capacity_bytes) {
            self.text("metaspace", &meta);
        }
        for one in &jvm.collectors {
            let (name, count, seconds) = (one.name.to_text(), one.collections, one.seconds);
            self.text("collector", &format!("{name}: {count} in {seconds:.3}s"));
        }
    }

    fn go(&mut self, go: &GoBuild, wide: bool) {
        self.text("Go", go.version.as_deref().unwrap_or("version unknown"));
        if let Some(module) = &go.module {
            let version = go.module_version.as_ref().map(ByteString::to_text);
            let version = version.unwrap_or_default();
            self.text("module", &format!("{} {version}", module.to_text()));
        }
        self.add("dependencies", Cell::number(go.dependencies));
        for (name, value) in &go.settings {
            if wide || name.contains("GODEBUG") {
                self.text("setting", &format!("{name}={}", value.to_text()));
            }
        }
    }

    fn rust(&mut self, rust: &RustBuild, wide: bool) {
        if let Some(compiler) = &rust.compiler {
            self.text("Rust", compiler);
        }
        match &rust.packages {
            Some(Seen::Value(packages)) if wide => {
                for one in packages {
                    self.text("package", &format!("{} {}", one.name, one.version));
                }
            }
            Some(packages) => self.add(
                "packages",
                Cell::of(Some(packages), |packages| Cell::number(packages.len())),
            ),
            None => {}
        }
    }
}

fn libraries(elf: &ElfProgram) -> Option<Table> {
    let rows: Vec<_> = elf
        .libraries
        .iter()
        .map(|one| {
            vec![
                (&one.name).into(),
                one.path.as_ref().map_or("not found".into(), Cell::from),
                (&one.needed_by).into(),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        title: Some("Libraries".to_owned()),
        headings: vec![
            Heading::left("LIBRARY"),
            Heading::left("PATH"),
            Heading::left("NEEDED BY"),
        ],
        rows,
        ..Table::default()
    })
}

fn state(state: OnDisk) -> Cell {
    match state {
        OnDisk::Same => "same".into(),
        OnDisk::Deleted => "deleted".into(),
        OnDisk::Replaced => "replaced".into(),
    }
}
