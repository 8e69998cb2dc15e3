//! The one layer of the image: the program, the link `/bin/tar` to it, which `kubectl cp` calls, and
//! an empty `/tmp`.

use std::io::{self, Write};

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{Context, SHA256};

use crate::parse::tar::{BLOCK, MemberKind, NewMember, padding};

/// A layer, packed.
pub(super) struct Layer {
    /// The archive, by gzip.
    pub packed: Vec<u8>,
    /// The digest of the archive before it was packed.
    pub diff_id: String,
}

/// Makes the layer of a program.
///
/// # Errors
/// None in practice: it is written to memory.
pub(super) fn layer(program: &[u8], modified_seconds: i64) -> io::Result<Layer> {
    let mut packer = Packer {
        gzip: GzEncoder::new(Vec::new(), Compression::new(6)),
        hash: Context::new(&SHA256),
    };
    for (kind, name, link, mode, content) in [
        (MemberKind::Directory, "bin/", "", 0o755, &[][..]),
        (
            MemberKind::SymbolicLink,
            "bin/tar",
            "../spyhole",
            0o777,
            &[],
        ),
        (MemberKind::File, "spyhole", "", 0o555, program),
        (MemberKind::Directory, "tmp/", "", 0o1777, &[]),
    ] {
        packer.take(&header(kind, name, link, mode, content, modified_seconds))?;
        packer.take(content)?;
        packer.take(&vec![0; padding(content.len() as u64)])?;
    }
    packer.take(&[0; 2 * BLOCK])?;
    Ok(Layer {
        diff_id: digest_text(packer.hash.finish().as_ref()),
        packed: packer.gzip.finish()?,
    })
}

/// A SHA-256 as images write it.
pub(super) fn digest_text(sha256: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(sha256))
}

struct Packer {
    gzip: GzEncoder<Vec<u8>>,
    hash: Context,
}

impl Packer {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.gzip.write_all(bytes)
    }
}

/// The header of a member that root owns.
pub(super) fn header(
    kind: MemberKind,
    name: &str,
    link: &str,
    mode: u32,
    content: &[u8],
    modified_seconds: i64,
) -> Vec<u8> {
    let mut header = Vec::new();
    let member = NewMember {
        kind,
        name: name.as_bytes(),
        link: link.as_bytes(),
        size_bytes: content.len() as u64,
        sparse_size_bytes: None,
        mode,
        uid: 0,
        gid: 0,
        user: &[],
        group: &[],
        modified_seconds,
        modified_nanoseconds: 0,
        device: (0, 0),
        attributes: &[],
    };
    member.encode(&mut header);
    header
}
