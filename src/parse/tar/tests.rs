//! What is written is read again, whatever it is.

use proptest::prelude::*;

use super::new_member::{fill, record, time_text};
use super::pax_records::time;
use super::sparse_map::BAD_MAP;
use super::*;

fn member(kind: MemberKind, name: &[u8]) -> NewMember<'_> {
    NewMember {
        kind,
        name,
        link: b"",
        size_bytes: 0,
        sparse_size_bytes: None,
        mode: 0o640,
        uid: 7,
        gid: 8,
        user: b"web",
        group: b"web",
        modified_seconds: 1_700_000_000,
        modified_nanoseconds: 0,
        device: (0, 0),
        attributes: &[],
    }
}

/// The records and the header of an encoded member.
fn decoded(member: &NewMember<'_>) -> (PaxRecords, MemberHeader) {
    let mut bytes = Vec::new();
    member.encode(&mut bytes);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    assert!(rest.is_empty());
    let first = header(&blocks[0]).unwrap().unwrap();
    if first.kind != MemberKind::Extended {
        assert_eq!(blocks.len(), 1);
        return (PaxRecords::default(), first);
    }
    let size = usize::try_from(first.size_bytes).unwrap();
    let said = records(&bytes[BLOCK..BLOCK + size]).unwrap();
    let last = header(blocks.last().unwrap()).unwrap().unwrap();
    (said, last)
}

#[test]
fn a_plain_member_is_one_block() {
    let mut plain = member(MemberKind::File, b"etc/hosts");
    plain.size_bytes = 12;
    let (_, read) = decoded(&plain);
    assert_eq!((&read.name[..], read.size_bytes), (&b"etc/hosts"[..], 12));
    assert_eq!((read.mode, read.modified_seconds), (0o640, 1_700_000_000));
    assert_eq!(read.kind, MemberKind::File);
}

#[test]
fn what_a_header_has_no_room_for_is_in_records() {
    let name = [b"long/".repeat(60), b"\xff\n=".to_vec()].concat();
    let link = b"\x01 ".repeat(90);
    let mut large = member(MemberKind::SymbolicLink, &name);
    large.link = &link;
    large.size_bytes = 1 << 40;
    large.modified_seconds = -2;
    large.modified_nanoseconds = 500_000_000;
    let (said, _) = decoded(&large);
    assert_eq!(said.path.as_ref(), Some(&name));
    assert_eq!(said.link_path.as_ref(), Some(&link));
    assert_eq!(said.size_bytes, Some(1 << 40));
    assert_eq!(said.modified_seconds, Some(-2));
    assert_eq!(said.modified_nanoseconds, 500_000_000);
    assert_eq!(time_text(-2, 500_000_000), "-1.500000000");
}

#[test]
fn a_sparse_map_comes_back() {
    let ranges: Vec<DataRange> = (0..200).map(|at| (at << 20, 4096)).collect();
    let bytes = encode_sparse_map(&ranges);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    assert!(rest.is_empty() && blocks.len() > 1);
    let mut map = SparseMap::default();
    let read = blocks.iter().find_map(|block| map.take(block).unwrap());
    assert_eq!(read, Some(ranges));
    let refused = |text: &str| {
        let mut block = [0; BLOCK];
        fill(&mut block, text.as_bytes());
        SparseMap::default().take(&block)
    };
    assert_eq!(refused("2\n5\n5\n9\n1\n"), Err(BAD_MAP), "overlap");
    assert_eq!(refused("9999999\n"), Err(BAD_MAP), "too many");
    assert_eq!(refused("1\n18446744073709551615\n1\n"), Err(BAD_MAP));
    assert_eq!(refused("999999999999999999999999\n"), Err(BAD_MAP));
    assert_eq!(refused("0\n"), Ok(Some(Vec::new())));
}

#[test]
fn a_checksum_says_which_file_it_is_of() {
    let mut bytes = Vec::new();
    encode_sha256(&[7; 32], &mut bytes);
    assert_eq!(bytes.len(), 2 * BLOCK);
    assert_eq!(
        records(&bytes[BLOCK..BLOCK + 83]).unwrap().sha256,
        Some([7; 32])
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_none(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
        let mut block: [u8; BLOCK] = bytes.try_into().unwrap();
        let _ = header(&block);
        // With a checksum that fits, the other fields are read.
        let sum = format!("{:06o}\0 ", checksum(&block));
        fill(&mut block[148..156], sum.as_bytes());
        let _ = header(&block);
    }

    #[test]
    fn any_bytes_are_records_or_none(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = records(&bytes);
        let _ = records(&[b"30 mtime=".to_vec(), bytes].concat());
    }

    #[test]
    fn any_value_comes_back(value in prop::collection::vec(any::<u8>(), 0..1200)) {
        let mut bytes = Vec::new();
        record(&mut bytes, b"path", &value);
        record(&mut bytes, b"linkpath", b"x");
        let read = records(&bytes).unwrap();
        prop_assert_eq!(read.path, Some(value));
        prop_assert_eq!(read.link_path, Some(b"x".to_vec()));
    }

    #[test]
    fn any_time_comes_back(seconds in -1_000_000_000_000i64..1_000_000_000_000, nanoseconds in 0..1_000_000_000u32) {
        prop_assert_eq!(time(time_text(seconds, nanoseconds).as_bytes()), Some((seconds, nanoseconds)));
    }
}
