use proptest::prelude::*;

use super::*;
use crate::sys::scratch;

/// Reads a file that is in memory.
fn image(bytes: &[u8]) -> Result<Image, Malformed> {
    read(&mut |offset, length| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.get(start..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest).to_vec()
    })
}

fn own() -> Vec<u8> {
    scratch::read("/proc/self/exe")
}

/// A 64-bit program with one writable segment that holds `data` at 0x1000, and no sections.
fn program(data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |bytes: &mut Vec<u8>, value: u16| bytes.extend(value.to_le_bytes());
    let word = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    let long = |bytes: &mut Vec<u8>, value: u64| bytes.extend(value.to_le_bytes());
    half(&mut bytes, 2);
    half(&mut bytes, 62);
    word(&mut bytes, 1);
    long(&mut bytes, 0x40_1000);
    long(&mut bytes, 64);
    long(&mut bytes, 0);
    word(&mut bytes, 0);
    for value in [64, 56, 1, 64, 0, 0] {
        half(&mut bytes, value);
    }
    word(&mut bytes, abi::PT_LOAD);
    word(&mut bytes, abi::PF_W | abi::PF_R);
    for value in [0x1000, 0x40_1000, 0x40_1000, data.len() as u64] {
        long(&mut bytes, value);
    }
    long(&mut bytes, data.len() as u64);
    long(&mut bytes, 0x1000);
    bytes.resize(0x1000, 0);
    bytes.extend(data);
    bytes
}

const MODULES: &str = "path\texample.com/app\n\
    mod\texample.com/app\t(devel)\t\n\
    dep\tgolang.org/x/crypto/x509roots/fallback\tv0.0.0-20240904\th1:xyz=\n\
    build\tCGO_ENABLED=0\n";

fn framed() -> Vec<u8> {
    [&[b'<'; 16][..], MODULES.as_bytes(), &[b'>'; 16]].concat()
}

#[test]
fn this_very_test_is_a_static_program_made_by_rustc() {
    let image = image(&own()).unwrap();
    assert_eq!(image.interpreter, None);
    assert!(!image.dynamic && image.needed.is_empty(), "{image:?}");
    assert!(image.rustc.unwrap().starts_with("rustc version 1."));
    assert_eq!(image.go, None);
    assert!(
        image
            .sections
            .iter()
            .any(|section| section.name == b".text")
    );
}

/// The system's `sh` asks for a C library and an interpreter, as readelf shows.
#[test]
fn a_dynamic_program_as_readelf_shows_it() {
    let path = scratch::real("/bin/sh");
    let image = image(&scratch::read(&path)).unwrap();
    let mut readelf = scratch::command("readelf");
    let output = readelf
        .args(["-d", "-l", "-W"])
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let between = |line: &str, before: &str, after: char| {
        let rest = line.split_once(before)?.1;
        Some(rest.split_once(after)?.0.as_bytes().to_vec())
    };
    let needed: Vec<Vec<u8>> = text
        .lines()
        .filter_map(|line| between(line, "Shared library: [", ']'))
        .collect();
    let interpreter = text
        .lines()
        .find_map(|line| between(line, "program interpreter: ", ']'));
    assert!(!needed.is_empty(), "{text}");
    assert_eq!(image.needed, needed);
    assert_eq!(image.interpreter, interpreter);
    assert!(image.dynamic);
}

#[test]
fn a_go_program_tells_its_version_and_modules() {
    let modules = framed();
    let mut data = vec![0; 48];
    data.extend(MAGIC_OF_STRINGS);
    data.extend([0; 16]);
    data.push(8);
    data.extend(b"go1.22.3");
    data.extend([
        u8::try_from(modules.len() & 0x7f).unwrap() | 0x80,
        u8::try_from(modules.len() >> 7).unwrap(),
    ]);
    data.extend(modules);
    let go = image(&program(&data)).unwrap().go.unwrap();
    assert_eq!(go.version.as_deref(), Some("go1.22.3"));
    assert_eq!(go.modules, MODULES);
    assert!(go.has_module("golang.org/x/crypto/x509roots/fallback"));
    assert!(!go.has_module("golang.org/x/crypto"));
    assert!(go.modules.contains("build\tCGO_ENABLED=0"));
}

const MAGIC_OF_STRINGS: &[u8] = b"\xff Go buildinf:\x08\x02";

#[test]
fn before_go_1_18_the_version_stands_elsewhere() {
    let mut data = b"\xff Go buildinf:\x08\x00".to_vec();
    data.extend(0x40_1020_u64.to_le_bytes());
    data.extend(0_u64.to_le_bytes());
    data.extend(0x40_1030_u64.to_le_bytes());
    data.extend(8_u64.to_le_bytes());
    data.extend(b"go1.16.9");
    let go = image(&program(&data)).unwrap().go.unwrap();
    assert_eq!(go.version.as_deref(), Some("go1.16.9"));
    assert_eq!(go.modules, "");
}

#[test]
fn what_is_no_elf_is_malformed() {
    for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x09\x01\x01"] {
        assert_eq!(image(bytes), Err(MALFORMED));
    }
}

#[test]
fn only_a_little_of_a_huge_file_is_asked_for() {
    let bytes = own();
    let mut asked = 0;
    read(&mut |offset, length| {
        asked += length;
        let start = usize::try_from(offset).unwrap();
        let rest = bytes.get(start..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest).to_vec()
    })
    .unwrap();
    assert!(asked < 1 << 20, "{asked} of {}", bytes.len());
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        let _ = image(&bytes);
    }

    /// The header of a real program with some of it changed, and the file cut somewhere.
    #[test]
    fn a_damaged_program_never_panics(
        changes in proptest::collection::vec((0_usize..2048, any::<u8>()), 1..20),
        end in 0_usize..9000,
    ) {
        let mut data = MAGIC_OF_STRINGS.to_vec();
        data.extend([0xff; 64]);
        let mut bytes = program(&data);
        bytes.extend(own().into_iter().take(4096));
        for (at, value) in changes {
            let at = if at < 1024 { at % 120 } else { 0x1000 + at % 80 };
            bytes[at] = value;
        }
        bytes.truncate(end.max(64));
        let _ = image(&bytes);
    }
}
