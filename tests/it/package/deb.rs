//! The package for Debian, as dpkg installs it into a root of its own.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::completions::{bash_offers_by, fish_offers_by, zsh_offers_by};
use super::{MAINTAINER, VERSION, architecture, names_in, program, release, unpacked};
use crate::host::run;

fn package() -> PathBuf {
    release().join(format!("spyhole_{VERSION}-1_{}.deb", architecture()))
}

/// A root in which dpkg installed the package, made once for all tests.
fn installed() -> &'static Path {
    static INTO: OnceLock<TempDir> = OnceLock::new();
    let root = INTO.get_or_init(|| {
        let root = TempDir::new().unwrap();
        let database = root.path().join("var/lib/dpkg");
        for directory in ["info", "updates", "triggers"] {
            fs::create_dir_all(database.join(directory)).unwrap();
        }
        fs::write(database.join("status"), "").unwrap();
        dpkg(root.path(), &["--install", package().to_str().unwrap()]);
        root
    });
    root.path()
}

/// dpkg on that root; images of Debian leave documents out unless they are asked for.
fn dpkg(root: &Path, args: &[&str]) -> String {
    let mut command = Command::new("dpkg");
    command
        .arg(format!("--root={}", root.display()))
        .arg("--path-include=/usr/share/*")
        .args(args);
    run(&mut command).ended_with(0).stdout_text()
}

fn field(name: &str) -> String {
    let mut command = Command::new("dpkg-deb");
    let said = run(command.arg("--field").arg(package()).arg(name)).ended_with(0);
    said.stdout_text().trim().to_owned()
}

#[needs(dpkg_deb)]
fn it_says_what_it_is() {
    for (name, value) in [
        ("Package", "spyhole"),
        ("Version", &format!("{VERSION}-1")),
        ("Architecture", architecture()),
        ("Maintainer", MAINTAINER),
        ("Homepage", super::REPOSITORY),
        // Static: nothing has to be there.
        ("Depends", ""),
    ] {
        assert_eq!(field(name), value, "{name}");
    }
    let kibibytes: u64 = field("Installed-Size").parse().unwrap();
    let program = fs::metadata(program()).unwrap().len() / 1024;
    assert!(
        (program..program + 4096).contains(&kibibytes),
        "{kibibytes}"
    );
}

#[needs(dpkg_deb, root)]
fn it_installs_the_program_under_both_names_and_goes_again() {
    let root = installed();
    let bin = root.join("usr/bin");
    assert_eq!(names_in(&bin), ["kubectl-spyhole", "spyhole"]);
    let packed = fs::read(bin.join("spyhole")).unwrap();
    assert!(packed == fs::read(program()).unwrap());
    let metadata = fs::metadata(bin.join("spyhole")).unwrap();
    assert_eq!(
        (
            metadata.uid(),
            metadata.gid(),
            metadata.permissions().mode() & 0o7777
        ),
        (0, 0, 0o755)
    );
    let version = run(Command::new(bin.join("spyhole")).arg("--version")).ended_with(0);
    assert_eq!(version.stdout_text(), format!("spyhole {VERSION}\n"));
    let help = run(Command::new(bin.join("kubectl-spyhole")).arg("--help")).ended_with(0);
    assert!(help.stdout_text().contains("ephemeral container"), "{help}");

    assert_eq!(dpkg(root, &["--verify", "spyhole"]), "");
    assert!(dpkg(root, &["--status", "spyhole"]).contains("Status: install ok installed"));

    // In a root of its own, so that the other tests keep theirs.
    let copy = TempDir::new().unwrap();
    run(Command::new("cp")
        .arg("-a")
        .arg(root.join("."))
        .arg(copy.path()))
    .ended_with(0);
    fs::write(copy.path().join("usr/share/doc/spyhole/README.md"), "").unwrap();
    assert!(
        dpkg(copy.path(), &["--verify", "spyhole"]).contains("/usr/share/doc/spyhole/README.md")
    );
    dpkg(copy.path(), &["--purge", "spyhole"]);
    assert!(!copy.path().join("usr").exists(), "something is left");
}

#[needs(dpkg_deb, root)]
fn its_documents_are_those_of_the_archive() {
    let share = installed().join("usr/share");
    let unzipped = |path: &Path| {
        run(Command::new("gzip").arg("-cd").arg(path))
            .ended_with(0)
            .stdout
    };
    let archive = |name: &str| fs::read(unpacked().join(name)).unwrap();
    let doc = share.join("doc/spyhole");
    for (name, of) in [
        ("THIRD-PARTY.txt.gz", "THIRD-PARTY.txt"),
        ("changelog.gz", "CHANGELOG.md"),
    ] {
        assert!(unzipped(&doc.join(name)) == archive(of), "{name}");
    }
    for name in ["README.md", "SECURITY.md"] {
        assert!(fs::read(doc.join(name)).unwrap() == archive(name), "{name}");
    }
    let copyright = fs::read_to_string(doc.join("copyright")).unwrap();
    for text in [
        "MIT or Apache-2.0",
        "Permission is hereby granted",
        "THIRD-PARTY.txt.gz",
    ] {
        assert!(copyright.contains(text), "{text}: {copyright}");
    }
    let pages = names_in(&unpacked().join("man/man1"));
    for page in &pages {
        let packed = unzipped(&share.join(format!("man/man1/{page}.gz")));
        assert!(packed == archive(&format!("man/man1/{page}")), "{page}");
    }
    // And the one by the other name of the program.
    assert_eq!(names_in(&share.join("man/man1")).len(), pages.len() + 1);
}

#[needs(dpkg_deb, root, man)]
fn man_finds_its_pages() {
    let man = |page: &str| {
        let mut command = Command::new("man");
        command
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8")
            .arg(format!(
                "--manpath={}",
                installed().join("usr/share/man").display()
            ))
            .arg(page);
        run(&mut command)
    };
    for (page, says) in [
        ("spyhole", "spyhole"),
        ("spyhole-processes", "--tree"),
        ("kubectl-spyhole", "ephemeral container"),
    ] {
        let said = man(page).ended_with(0);
        assert!(said.stdout_text().contains(says), "{page}: {said}");
    }
    man("spyhole-nothing").ended_with(16);
}

#[needs(dpkg_deb, root)]
fn each_shell_completes_from_where_the_package_put_it() {
    let share = installed().join("usr/share");
    let bash = bash_offers_by(
        &share.join("bash-completion/completions/spyhole"),
        &["spyhole", "proc"],
    );
    assert_eq!(bash, ["processes"]);
    let fish = fish_offers_by(
        &share.join("fish/vendor_completions.d"),
        &installed().join("usr/bin"),
        "spyhole proc",
    );
    assert!(fish.starts_with("processes\t"), "{fish}");
    let zsh = zsh_offers_by(&share.join("zsh/vendor-completions"), "spyhole proc");
    assert_eq!(zsh, "spyhole processes");
}

#[needs(lintian)]
fn lintian_finds_no_error() {
    let mut lintian = Command::new("lintian");
    run(lintian
        .args(["--allow-root", "--fail-on", "error"])
        .arg(package()))
    .ended_with(0);
}
