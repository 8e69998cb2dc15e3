//! Archives that an attacker would write: each ends in a named error or a gap, in bounded memory.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::EntryType;

use super::images::{
    Member, directory, docker_archive, file, gzip, hard_link, link, sha256, tar, write_layout,
};
use crate::host::{list, run, spyhole};

/// The most memory that it may take, in KiB.
const MEMORY: u64 = 64 << 10;

fn entry() -> Value {
    json!({"Entrypoint": ["/app"]})
}

fn of_layers(layers: &[Vec<u8>]) -> Vec<u8> {
    docker_archive(layers, &[("localhost/x:1".to_owned(), entry())])
}

/// The peak of memory of an audit, in KiB, its exit code and what it says.
fn measured(image: &Path) -> (u64, Option<i32>, String, String) {
    let line = "ulimit -v 4000000; exec \"$@\" -o json";
    let program = crate::lab::spyhole();
    let script = r#"import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, timeout=300)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.stdout.buffer.write(b"%d\n%d\n" % (peak, done.returncode) + done.stdout)
sys.stderr.buffer.write(done.stderr)
"#;
    let said = run(Command::new("python3")
        .args(["-c", script, "sh", "-c", line, "sh"])
        .arg(program)
        .arg("audit")
        .arg(image))
    .ended_with(0);
    let text = said.stdout_text();
    let mut lines = text.splitn(3, '\n');
    let mut number = || lines.next().unwrap().parse::<i64>().unwrap();
    let (peak, code) = (number(), number());
    let rest = lines.next().unwrap_or_default().to_owned();
    (
        peak.try_into().unwrap(),
        i32::try_from(code).ok(),
        rest,
        said.stderr_text(),
    )
}

#[test]
fn a_hundred_thousand_files_take_less_than_64_mib() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    let script = format!("#!/{}\n", "i".repeat(40));
    let members: Vec<Member> = (0..100_000)
        .map(|number| {
            let name = format!(
                "srv/some/directory/of/an/application/{:03}/file-{number:06}.js",
                number % 400
            );
            file(&name, 0o755, &script)
        })
        .collect();
    fs::write(&path, of_layers(&[tar(&members)])).unwrap();
    let (peak, code, document, _) = measured(&path);
    assert!(peak <= MEMORY, "{peak} KiB");
    assert_eq!(code, Some(1));
    let report: Value = serde_json::from_str(&document).unwrap();
    assert!(report["paths"].as_u64().unwrap() > 100_000);
    assert_eq!(list(&report, "gaps").len(), 0, "{document}");
}

#[test]
fn beyond_the_limit_there_is_a_gap_and_no_verdict() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    let members: Vec<Member> = (0..210_000)
        .map(|number| file(&format!("f{number}"), 0o644, ""))
        .collect();
    fs::write(&path, of_layers(&[tar(&members)])).unwrap();
    let (peak, code, document, _) = measured(&path);
    assert!(peak <= MEMORY, "{peak} KiB");
    assert_eq!(code, Some(4));
    let report: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(report["start"]["verdict"], "unknown");
    assert_eq!(report["gaps"][0]["reason"], "limit");
}

#[test]
fn each_damage_has_its_name() {
    let place = tempfile::tempdir().unwrap();
    let sound = tar(&[file("app", 0o755, "x")]);
    let mut damaged: Vec<(&str, Vec<u8>)> = vec![
        (
            "a header of the archive",
            b"no archive of anything, and longer than a block of tar".repeat(20),
        ),
        ("not an image", tar(&[file("hello", 0o644, "x")])),
        (
            "layer 1:",
            of_layers(&[b"this is no tar at all".repeat(50)]),
        ),
        (
            "layer 1: the archive ends early",
            of_layers(&[sound[..700].to_vec()]),
        ),
        ("headers before a file", of_layers(&[endless_headers()])),
        ("longer than", long_document()),
        (
            "digest mismatch",
            changed(
                &of_layers(std::slice::from_ref(&sound)),
                b"layer 0",
                b"layer 9",
            ),
        ),
        (
            "twice",
            [
                of_layers(std::slice::from_ref(&sound)),
                of_layers(std::slice::from_ref(&sound)),
            ]
            .map(|archive| without_end(&archive))
            .concat(),
        ),
    ];
    let whole = of_layers(std::slice::from_ref(&sound));
    damaged.push(("", whole[..whole.len() / 2].to_vec()));
    let mut other = sound.clone();
    other[0] = b'b';
    damaged.push((
        "digest mismatch",
        changed(&whole, &sound[..512], &with_sum(&other[..512])),
    ));
    for (number, (words, bytes)) in damaged.iter().enumerate() {
        let path = place.path().join(format!("{number}.tar"));
        fs::write(&path, bytes).unwrap();
        let (peak, code, document, said) = measured(&path);
        assert_eq!((code, document.as_str()), (Some(4), ""), "{words}: {said}");
        assert!(
            said.contains(words) && !said.contains("panicked"),
            "{words}: {said}"
        );
        assert!(peak <= MEMORY, "{words}: {peak} KiB");
    }
}

#[test]
fn bombs_are_noticed_and_layouts_checked() {
    let place = tempfile::tempdir().unwrap();
    let bomb = zeros();
    // As a layer, and as the whole archive.
    write_layout(
        place.path(),
        &[Vec::new()],
        std::slice::from_ref(&bomb),
        &entry(),
    );
    let whole = place.path().join("bomb.tar.gz");
    fs::write(&whole, &bomb).unwrap();
    for path in [place.path(), whole.as_path()] {
        let (peak, code, _, said) = measured(path);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("decompression bomb"), "{said}");
        assert!(peak <= MEMORY, "{peak} KiB");
    }
    let blob = place.path().join("blobs/sha256").join(sha256(&bomb));
    let mut changed = bomb.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&blob, changed).unwrap();
    let said = spyhole([std::ffi::OsStr::new("audit"), place.path().as_os_str()]).ended_with(4);
    assert!(said.stderr_text().contains("digest mismatch"), "{said}");
    fs::remove_file(&blob).unwrap();
    let said = spyhole([std::ffi::OsStr::new("audit"), place.path().as_os_str()]).ended_with(4);
    assert!(said.stderr_text().contains("has no sha256:"), "{said}");
}

#[test]
fn names_and_links_that_lead_out_stay_inside() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    let layer = tar(&[
        file("../../outside", 0o644, "x"),
        file("a/../../b", 0o644, "x"),
        file("/absolute", 0o755, "x"),
        link("etc", "/../../../../etc"),
        link("loop", "loop2"),
        link("loop2", "loop"),
        file("loop/below", 0o644, "x"),
        hard_link("hard", "../../../etc/passwd"),
        hard_link("gone", "nothing"),
        directory("d", 0o755),
        file("d/.wh...", 0o644, ""),
        file(".wh.", 0o644, ""),
        Member {
            kind: EntryType::Char,
            ..file("null", 0o666, "")
        },
    ]);
    fs::write(&path, of_layers(&[layer])).unwrap();
    let (_, code, document, said) = measured(&path);
    // What a hard link leads to that is not there might be the program.
    assert_eq!(code, Some(4), "{said}");
    let report: Value = serde_json::from_str(&document).unwrap();
    let ids: Vec<_> = list(&report, "findings")
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"IMG-013"), "{ids:?}");
    assert_eq!(report["start"]["verdict"], "unknown");
}

fn without_end(archive: &[u8]) -> Vec<u8> {
    archive[..archive.len() - 1024].to_vec()
}

/// Headers of extended headers, one after the other.
fn endless_headers() -> Vec<u8> {
    let header = Member {
        kind: EntryType::XHeader,
        ..file("x", 0o644, "")
    };
    tar(&vec![header; 500])
}

/// A document of megabytes.
fn long_document() -> Vec<u8> {
    tar(&[file("manifest.json", 0o644, vec![b' '; 5 << 20])])
}

fn changed(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// A header with the sum that it has to have.
fn with_sum(block: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// 300 MiB of zeros as gzip.
fn zeros() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let piece = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_header_of_megabytes_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image.tar");
    let header = Member {
        kind: EntryType::XHeader,
        ..file("x", 0o644, vec![b'x'; 2 << 20])
    };
    fs::write(&path, of_layers(&[tar(&[header])])).unwrap();
    let said = spyhole([std::ffi::OsStr::new("audit"), path.as_os_str()]).ended_with(4);
    assert!(
        said.stderr_text().contains("a header of the archive has"),
        "{said}"
    );
    let zipped = place.path().join("image.tar.gz");
    fs::write(&zipped, gzip(b"\0")).unwrap();
    spyhole([std::ffi::OsStr::new("audit"), zipped.as_os_str()]).ended_with(4);
}
