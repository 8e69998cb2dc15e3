//! The runtime, told from executables and mappings.

use elf::abi;

use super::*;
use crate::sys::ranges::Ranges;
use crate::trust::detect::detect;
use crate::trust::program::ProgramImage;

/// An executable for x86-64 that has sections and nothing to run.
fn program(sections: &[(&str, &[u8])]) -> Vec<u8> {
    const HEADER: usize = 64;
    let mut names = vec![0];
    let mut body = vec![0; HEADER];
    let mut headers = vec![[0_u8; HEADER]];
    let all = sections.iter().copied().chain([(".shstrtab", &[][..])]);
    for (name, content) in all {
        let at = u32::try_from(names.len()).unwrap();
        names.extend(name.as_bytes());
        names.push(0);
        let content = if name == ".shstrtab" { &names } else { content };
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&at.to_le_bytes());
        header[4..8].copy_from_slice(&abi::SHT_PROGBITS.to_le_bytes());
        header[24..32].copy_from_slice(&(body.len() as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(content.len() as u64).to_le_bytes());
        body.extend(content);
        headers.push(header);
    }
    let place = body.len() as u64;
    body.extend(headers.concat());
    body[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for (at, half) in [(16, 2_u16), (18, 62), (52, 64), (54, 56), (58, 64)] {
        body[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    body[20..24].copy_from_slice(&1_u32.to_le_bytes());
    body[40..48].copy_from_slice(&place.to_le_bytes());
    let count = u16::try_from(headers.len()).unwrap();
    body[60..62].copy_from_slice(&count.to_le_bytes());
    body[62..64].copy_from_slice(&(count - 1).to_le_bytes());
    body
}

/// What a program, with these files mapped, is taken for.
fn told(target: &Target, program: &[u8], mapped: &[&str]) -> Detected {
    target.root.write("/app", program);
    let root = target.root.in_root();
    let file = Ranges::in_root(&root, b"/app");
    let mapped = mapped.iter().map(|path| path.as_bytes().to_vec());
    let image = ProgramImage::new(&root, Some(b"/app".to_vec()), mapped.collect(), file);
    detect(&image, &target.overrides())
}

fn alone(sections: &[(&str, &[u8])]) -> Detected {
    told(&Target::new(), &program(sections), &[])
}

#[test]
fn go_leaves_its_version() {
    let mut info = b"\xff Go buildinf:\x08\x02".to_vec();
    info.extend([0; 16]);
    info.extend(b"\x08go1.22.3\x00");
    let seen = alone(&[(".go.buildinfo", &info)]);
    assert_eq!(seen.rules, RuntimeTrustRules::Go { fallback: false });
    assert_eq!(seen.evidence, "/app was built by go1.22.3");
    let stripped = alone(&[(".note.go.buildid", b"x")]);
    assert_eq!(stripped.evidence, "/app has Go's build id");
}

#[test]
fn java_is_where_its_library_is() {
    for (library, home) in [
        ("/opt/java/lib/server/libjvm.so", "/opt/java"),
        (
            "/usr/lib/jvm/java-8/jre/lib/amd64/server/libjvm.so",
            "/usr/lib/jvm/java-8/jre",
        ),
    ] {
        let seen = told(
            &Target::new(),
            &program(&[]),
            &["/usr/lib/libssl.so.3", library],
        );
        let home = home.as_bytes().to_vec();
        assert_eq!(seen.rules, RuntimeTrustRules::Java { home });
        assert_eq!(seen.evidence, "libjvm.so is mapped");
    }
}

#[test]
fn dotnet_is_a_library_or_a_single_file() {
    const MARK: &[u8] = b"\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\
        \x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\x24\xb3\x6a\xae";
    let data = |place: u64| [&[1; 9], &place.to_le_bytes()[..], MARK].concat();
    let single = alone(&[(".data", &data(4096))]);
    assert_eq!(single.runtime(), crate::model::trust_store::Runtime::Dotnet);
    assert_eq!(single.evidence, "/app is a .NET application in one file");
    assert_eq!(
        alone(&[(".data", &data(0))]).rules,
        RuntimeTrustRules::Unknown
    );
    let shared = told(
        &Target::new(),
        &program(&[]),
        &["/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/libcoreclr.so"],
    );
    assert_eq!(shared.evidence, "libcoreclr.so is mapped");
    let native = alone(&[("__managedcode", b"x")]);
    assert_eq!(native.evidence, "/app contains compiled .NET code");
}

#[test]
fn node_and_python_are_told_by_what_they_export() {
    let symbols = b"\0puts\0_ZN4node5StartEiPPc\0";
    let node = alone(&[
        (".dynstr", symbols),
        (".rodata", b"OPENSSLDIR: \"/etc/ssl\"\0"),
    ]);
    assert_eq!(
        node.rules,
        RuntimeTrustRules::Node {
            openssl: Some(b"/etc/ssl".to_vec()),
            shared: false
        }
    );
    assert_eq!(node.evidence, "/app exports node::Start");
    // The middle or the end of another name is none.
    let other = b"\0my_Py_BytesMain\0Py_BytesMain2\0";
    assert_eq!(
        alone(&[(".dynstr", other)]).rules,
        RuntimeTrustRules::Unknown
    );
    let python = alone(&[(".dynstr", b"\0Py_BytesMain\0")]);
    assert_eq!(python.evidence, "/app exports Py_BytesMain");
}

#[test]
fn certifi_is_found_beside_the_version_that_runs() {
    let cacert = "/venv/lib/python3.12/site-packages/certifi/cacert.pem";
    let target = Target::new().with(cacert, "").env("VIRTUAL_ENV=/venv");
    let mapped = ["/usr/local/lib/libpython3.12.so.1.0"];
    let seen = told(&target, &program(&[]), &mapped);
    assert_eq!(
        seen.rules,
        RuntimeTrustRules::Python {
            openssl: None,
            certifi: Some(cacert.as_bytes().to_vec())
        }
    );
    assert_eq!(seen.evidence, "libpython3.12.so.1.0 is mapped");
}

#[test]
fn openssl_tells_its_directory() {
    let constants = b"x\0OPENSSLDIR: \"/usr/lib/ssl\"\0y";
    let library = program(&[(".rodata", constants)]);
    let target = Target::new().with("/usr/lib/libcrypto.so.3", library);
    let mapped = ["/usr/lib/libssl.so.3", "/usr/lib/libcrypto.so.3"];
    let seen = told(&target, &program(&[]), &mapped);
    let openssl = Some(b"/usr/lib/ssl".to_vec());
    assert_eq!(
        (&seen.rules, seen.evidence.as_str()),
        (
            &RuntimeTrustRules::Openssl {
                openssl: openssl.clone()
            },
            "libssl.so.3 is mapped"
        )
    );
    let linked = alone(&[(".rodata", constants)]);
    assert_eq!(
        (&linked.rules, linked.evidence.as_str()),
        (
            &RuntimeTrustRules::Openssl { openssl },
            "/app contains OpenSSL"
        )
    );
}

#[test]
fn a_text_at_the_edge_of_a_piece_is_found_whole() {
    for at in [(1 << 20) - 8, (1 << 20) - 20, (2 << 20) - 530] {
        let mut constants = vec![b'.'; 3 << 20];
        let text = b"OPENSSLDIR: \"/opt/ssl\"\0";
        constants[at..at + text.len()].copy_from_slice(text);
        let seen = alone(&[(".rodata", &constants)]);
        let openssl = Some(b"/opt/ssl".to_vec());
        assert_eq!(seen.rules, RuntimeTrustRules::Openssl { openssl }, "{at}");
    }
}

#[test]
fn rust_is_told_by_its_compiler_or_its_library() {
    let comment = b"GCC: (Debian) 12\0rustc version 1.91.0 (abc 2026-01-01)\0";
    let seen = alone(&[
        (".comment", comment),
        (".rodata", b"no SSL_CERT_FILE given"),
    ]);
    assert_eq!(
        seen.rules,
        RuntimeTrustRules::Rust {
            native: true,
            built_in: false
        }
    );
    assert_eq!(
        seen.evidence,
        "/app was built by rustc version 1.91.0 (abc 2026-01-01)"
    );
    let stripped = alone(&[(".rodata", b"/rustc/0123/library/core\0\x0cISRG Root X1")]);
    assert_eq!(
        stripped.rules,
        RuntimeTrustRules::Rust {
            native: false,
            built_in: true
        }
    );
}

#[test]
fn what_nothing_tells_is_unknown() {
    let seen = alone(&[(".rodata", b"hello")]);
    assert_eq!(seen.rules, RuntimeTrustRules::Unknown);
    assert_eq!(
        seen.evidence,
        "no known TLS library found in /app or its mapped files"
    );
    let script = told(&Target::new(), b"#!/bin/sh\n", &[]);
    assert_eq!(script.rules, RuntimeTrustRules::Unknown);
}

#[test]
fn gnutls_tells_its_bundle() {
    let library = program(&[(".rodata", b"\0/etc/ssl/certs/ca-certificates.crt\0")]);
    let target = Target::new().with("/lib/libgnutls.so.30", library);
    let seen = told(&target, &program(&[]), &["/lib/libgnutls.so.30"]);
    assert_eq!(
        seen.rules,
        RuntimeTrustRules::Gnutls {
            bundle: Some(DEBIAN)
        }
    );
}
