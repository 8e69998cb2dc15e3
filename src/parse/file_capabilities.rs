//! The extended attribute `security.capability`: what a program gets when it is run.
//!
//! `struct vfs_cap_data` and `vfs_ns_cap_data` of linux/capability.h, little-endian on every
//! machine. The kernel takes each revision in its exact length only.

use super::Malformed;
use super::capability_text;

/// The capabilities of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileCapabilities {
    /// 1, 2 or 3.
    pub revision: u8,
    /// Whether what the program gets is effective at once.
    pub effective: bool,
    /// Given as far as the bounding set holds them.
    pub permitted: u64,
    /// Given as far as the process's inheritable set holds them.
    pub inheritable: u64,
    /// Only in user namespaces whose root is this uid, as the reader numbers it: revision 3.
    pub root_uid: Option<u32>,
}

const REVISION_1: u32 = 0x0100_0000;
const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
const REVISION_MASK: u32 = 0xff00_0000;
const FLAG_EFFECTIVE: u32 = 1;

impl FileCapabilities {
    /// Reads the content of the attribute.
    ///
    /// # Errors
    /// If the revision is unknown or the length is not that of the revision.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (words, []) = bytes.as_chunks::<4>() else {
            return Err(LENGTH);
        };
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let magic = *words.first().ok_or(LENGTH)?;
        let wide = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let (revision, permitted, inheritable, root_uid) =
            match (magic & REVISION_MASK, words.get(1..).unwrap_or_default()) {
                (REVISION_1, [permitted, inheritable]) => {
                    (1, wide(*permitted, 0), wide(*inheritable, 0), None)
                }
                (REVISION_2, [p, i, p_high, i_high]) => {
                    (2, wide(*p, *p_high), wide(*i, *i_high), None)
                }
                (REVISION_3, [p, i, p_high, i_high, root]) => {
                    (3, wide(*p, *p_high), wide(*i, *i_high), Some(*root))
                }
                (REVISION_1 | REVISION_2 | REVISION_3, _) => return Err(LENGTH),
                _ => return Err(REVISION),
            };
        Ok(Self {
            revision,
            effective: magic & FLAG_EFFECTIVE != 0,
            permitted,
            inheritable,
            root_uid,
        })
    }

    /// As `getcap` prints them.
    #[must_use]
    pub(crate) fn text(&self, known: u8) -> String {
        let effective = if self.effective {
            self.permitted | self.inheritable
        } else {
            0
        };
        capability_text::text(effective, self.permitted, self.inheritable, known)
    }
}

const LENGTH: Malformed = Malformed {
    what: "the attribute security.capability",
    expected: "12, 20 or 24 bytes, as its revision says",
};
const REVISION: Malformed = Malformed {
    what: "the revision of the attribute security.capability",
    expected: "1, 2 or 3",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::mutate;
    use proptest::prelude::*;

    /// `setcap cap_net_bind_service=ep`, as it lies on the disk.
    const BIND: &[u8] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    #[test]
    fn as_setcap_writes_it() {
        let found = FileCapabilities::parse(BIND).unwrap();
        assert_eq!(found.text(41), "cap_net_bind_service=ep");
        assert_eq!((found.revision, found.root_uid), (2, None));
    }

    #[test]
    fn each_revision_in_its_length_only() {
        for (magic, length) in [(REVISION_1, 12), (REVISION_2, 20), (REVISION_3, 24)] {
            for wrong in 0..40 {
                let mut bytes = magic.to_le_bytes().to_vec();
                bytes.resize(wrong.max(4), 7);
                let parsed = FileCapabilities::parse(&bytes);
                assert_eq!(parsed.is_ok(), wrong == length, "{magic:x} {wrong}");
            }
        }
        let old = FileCapabilities::parse(b"\0\0\0\x01\0\x04\0\0\x01\0\0\0").unwrap();
        assert_eq!((old.permitted, old.inheritable), (1 << 10, 1));
        assert_eq!(old.text(41), "cap_chown=i cap_net_bind_service+p");
    }

    #[test]
    fn another_revision_is_named() {
        assert_eq!(FileCapabilities::parse(b"\0\0\0\x04"), Err(REVISION));
        assert_eq!(FileCapabilities::parse(b""), Err(LENGTH));
    }

    #[test]
    fn survives_damage() {
        mutate::survives(BIND, |bytes| {
            let _ = FileCapabilities::parse(bytes);
        });
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>()) {
            let _ = FileCapabilities::parse(&bytes);
        }

        #[test]
        fn what_was_written_is_read(p: u64, i: u64, root: u32, effective: bool, revision in 1_u8..=3) {
            let (p, i) = if revision == 1 { (p & 0xffff_ffff, i & 0xffff_ffff) } else { (p, i) };
            let magic = u32::from(revision) << 24 | u32::from(effective);
            let half = |mask: u64, shift: u32| ((mask >> shift & 0xffff_ffff) as u32).to_le_bytes();
            let mut bytes = magic.to_le_bytes().to_vec();
            for shift in if revision == 1 { &[0][..] } else { &[0, 32][..] } {
                bytes.extend([half(p, *shift), half(i, *shift)].concat());
            }
            if revision == 3 {
                bytes.extend(root.to_le_bytes());
            }
            prop_assert_eq!(FileCapabilities::parse(&bytes), Ok(FileCapabilities {
                revision,
                effective,
                permitted: p,
                inheritable: i,
                root_uid: (revision == 3).then_some(root),
            }));
        }
    }
}
