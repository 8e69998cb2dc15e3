//! Answers as servers send them, and as hostile ones do.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;
use simple_dns::rdata::{A, AAAA, CNAME};

use super::*;
use crate::probe::dns::answer::{self, Answer, UselessReply};

const ID: u16 = 0x1234;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn query() -> Query {
    Query::new(ID, &name("web.example"), RecordType::A, true).unwrap()
}

/// An answer that holds these records.
fn message(records: Vec<(&'static str, RData<'static>)>) -> Vec<u8> {
    let mut packet = Packet::new_reply(ID);
    let asked = simple_dns::Name::new("WEB.example").unwrap();
    packet.questions.push(Question::new(
        asked,
        TYPE::A.into(),
        CLASS::IN.into(),
        false,
    ));
    for (owner, data) in records {
        let owner = simple_dns::Name::new(owner).unwrap();
        packet
            .answers
            .push(ResourceRecord::new(owner, CLASS::IN, 30, data));
    }
    packet.build_bytes_vec_compressed().unwrap()
}

fn a(last: u8) -> RData<'static> {
    RData::A(A {
        address: u32::from_be_bytes([10, 0, 0, last]),
    })
}

fn alias(target: &'static str) -> RData<'static> {
    RData::CNAME(CNAME(simple_dns::Name::new(target).unwrap()))
}

/// What is said of the addresses of a name.
fn answer(reply: &Reply, name: &Name) -> Result<Answer, UselessReply> {
    answer::answer(reply, name, RecordType::A)
}

fn addresses(answer: Result<Answer, UselessReply>) -> Vec<IpAddr> {
    let Ok(Answer::Records(records)) = answer else {
        panic!("{answer:?}")
    };
    let address = |record: &Record| match record.data {
        Data::Address(ip) => Some(ip),
        _ => None,
    };
    records.iter().filter_map(address).collect()
}

fn reply(message: &[u8]) -> Reply {
    match query().read(message) {
        Arrived::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

/// The header and the question of [`query`], with these flags and this number of answers.
fn head(flags: u16, answers: u16) -> Vec<u8> {
    let mut bytes = query().bytes[..12 + 17].to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8].copy_from_slice(&answers.to_be_bytes());
    bytes[10..12].copy_from_slice(&[0, 0]);
    bytes
}

#[test]
fn a_question_is_what_rfc_1035_and_6891_say() {
    let expected = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\x01\x03web\x07example\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";
    assert_eq!(query().bytes, expected);
}

#[test]
fn aliases_are_followed_in_any_order_and_case() {
    let message = message(vec![
        ("c.example", a(1)),
        ("B.example", alias("C.example")),
        ("other.example", a(9)),
        ("web.example", alias("b.example")),
        ("c.example", a(2)),
        ("c.example", a(1)),
    ]);
    let expected = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from).to_vec();
    let found = answer(&reply(&message), &name("web.example"));
    assert_eq!(addresses(found), expected);
}

#[test]
fn aliases_that_turn_in_a_circle_end_with_a_word() {
    let message = message(vec![
        ("web.example", alias("b.example")),
        ("b.example", alias("web.example")),
    ]);
    let why = answer(&reply(&message), &name("web.example")).unwrap_err();
    assert_eq!(why, UselessReply::TooManyAliases);
    assert_eq!(why.to_string(), "more than 16 aliases (CNAME) in a row");
}

#[test]
fn ipv6_and_nothing_and_no_such_name_are_told_apart() {
    let six = RData::AAAA(AAAA { address: 1 });
    let found = answer(
        &reply(&message(vec![("web.example", six)])),
        &name("web.example"),
    );
    assert_eq!(addresses(found), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let failed = |code: &str, answered: Result<Answer, UselessReply>| match answered {
        Err(why @ UselessReply::Failed(_)) => assert_eq!(why.to_string(), code),
        other => panic!("{code}: {other:?}"),
    };
    for (flags, code) in [
        (0x8182, "SERVFAIL"),
        (0x8185, "REFUSED"),
        (0x818f, "RCODE 15"),
    ] {
        failed(code, answer(&reply(&head(flags, 0)), &name("web.example")));
    }
    for (flags, expected) in [
        (0x8180, Ok(Answer::NoData)),
        (0x8183, Ok(Answer::NoSuchName)),
        // The reserved bit, over which resolvers pass.
        (0x81c0, Ok(Answer::NoData)),
    ] {
        assert_eq!(
            answer(&reply(&head(flags, 0)), &name("web.example")),
            expected,
            "{flags:x}"
        );
    }
}

#[test]
fn what_answers_something_else_is_a_stray() {
    let good = message(vec![("web.example", a(1))]);
    assert!(matches!(query().read(&good), Arrived::Reply(_)));
    let mut wrong_id = good.clone();
    wrong_id[1] ^= 1;
    let mut question = good.clone();
    question[2] &= 0x7f;
    let mut wrong_name = good.clone();
    wrong_name[13] = b'v';
    let mut wrong_type = good.clone();
    wrong_type[12 + 14] = 28;
    let mut wrong_class = good.clone();
    wrong_class[12 + 16] = 3;
    let mut two_questions = good.clone();
    two_questions[5] = 2;
    for stray in [
        wrong_id,
        question,
        wrong_name,
        wrong_type,
        wrong_class,
        two_questions,
        Vec::new(),
        vec![0; 11],
    ] {
        assert_eq!(query().read(&stray), Arrived::Stray, "{stray:x?}");
    }
}

#[test]
fn a_refusal_without_the_question_is_an_answer_but_never_a_denial() {
    let header = |rcode: u8| [0x12, 0x34, 0x81, 0x80 | rcode, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(reply(&header(1)).rcode, Rcode::FORMAT_ERROR);
    assert_eq!(query().read(&header(0)), Arrived::Stray);
    assert_eq!(query().read(&header(3)), Arrived::Stray);
}

#[test]
fn of_a_cut_answer_nothing_is_read_but_that_it_is_cut() {
    let mut cut = head(0x8380, 60);
    cut.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0");
    let cut = reply(&cut);
    assert!(cut.truncated && cut.records.is_empty());
}

#[test]
fn counts_that_the_message_cannot_hold_are_refused() {
    for answers in [2, 10_000, u16::MAX] {
        let read = query().read(&head(0x8180, answers));
        assert_eq!(
            read,
            Arrived::Malformed("its header counts more records than the message can hold")
        );
    }
}

#[test]
fn names_that_point_at_themselves_or_ahead_are_refused() {
    for pointer in [b"\xc0\x1d", b"\xc0\x1e", b"\xc0\xff", b"\xff\xff"] {
        let mut message = head(0x8180, 1);
        assert_eq!(message.len(), 0x1d);
        message.extend_from_slice(pointer);
        message.extend_from_slice(b"\0\x01\0\x01\0\0\0\0\0\x04\x0a\0\0\x01");
        assert_eq!(
            query().read(&message),
            Arrived::Malformed("it is not a valid DNS message")
        );
    }
}

#[test]
fn other_sections_are_not_read() {
    let mut message = head(0x8180, 0);
    message[8..10].copy_from_slice(&[0, 1]);
    message.extend_from_slice(&[0xff; 40]);
    assert_eq!(reply(&message).rcode, Rcode::NO_ERROR);
}

#[test]
fn of_endless_records_the_first_are_read_and_the_others_counted() {
    let mut message = head(0x8180, 4000);
    for number in 0..4000_u16 {
        message.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x0a\0");
        message.extend_from_slice(&number.to_be_bytes());
    }
    let reply = reply(&message);
    assert_eq!(
        (reply.records.len(), reply.records_left_out),
        (1024, 4000 - 1024)
    );
}

/// The dearest message there is: each record names twice the end of a chain of pointers that
/// leads to a name of as many parts as can be.
#[test]
fn a_message_made_to_be_dear_is_read_in_little_time() {
    let mut message = head(0x8180, 2000);
    message.extend_from_slice(b"\0\xff\0\0\x01\0\0\0\0\0\0");
    let first = message.len();
    message.extend_from_slice(&[&b"\x01a".repeat(126)[..], b"\0"].concat());
    let pointer = |to: usize| (0xc000 | u16::try_from(to).unwrap()).to_be_bytes();
    let mut target = first;
    while message.len() < 0x3ffe {
        let at = message.len();
        message.extend_from_slice(&pointer(target));
        target = at;
    }
    let rdata = u16::try_from(message.len() - first).unwrap();
    message[first - 2..first].copy_from_slice(&rdata.to_be_bytes());
    while message.len() + 14 <= 65_535 {
        message.extend_from_slice(&pointer(target));
        message.extend_from_slice(b"\0\x05\0\x01\0\0\0\0\0\x02");
        message.extend_from_slice(&pointer(target));
    }
    // Of this thread: what else runs on the machine does not count.
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let begun = clock();
    let reply = reply(&message);
    let took = clock().saturating_sub(begun);
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(reply.records.len(), usize::from(MAX_RECORDS));
    assert_eq!(reply.records[9].data, Data::Alias(vec!["a"; 126].join(".")));
}

#[test]
fn a_loop_of_labels_is_refused() {
    let mut message = head(0x8180, 1);
    message.extend_from_slice(b"\x01a\xc0\x1d\0\x01\0\x01\0\0\0\0\0\x04\x0a\0\0\x01");
    assert_eq!(
        query().read(&message),
        Arrived::Malformed("it is not a valid DNS message")
    );
}

#[test]
fn bytes_of_names_do_no_harm() {
    let mut message = head(0x8180, 1);
    message.extend_from_slice(b"\x07a.\x1b[m\xff\\\0\0\x63\0\x01\0\0\0\0\0\0");
    let reply = reply(&message);
    assert_eq!(reply.records[0].owner, r"a\046\027\091m\255\092");
    assert_eq!(reply.records[0].data, Data::Other(99));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn never_panics_on_any_bytes(flags in any::<u16>(), answers in any::<u16>(), body in any::<Vec<u8>>()) {
        let _ = query().read(&body);
        let _ = query().read(&[head(flags, answers), body].concat());
    }

    /// Every type of record that the crate knows, with any content.
    #[test]
    fn never_panics_on_any_record(records in proptest::collection::vec((0_u16..300, any::<Vec<u8>>()), 1..5)) {
        let mut message = head(0x8180, u16::try_from(records.len()).unwrap());
        for (kind, data) in records {
            message.extend_from_slice(b"\xc0\x0c");
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(b"\0\x01\0\0\0\0");
            message.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend_from_slice(&data);
        }
        let _ = query().read(&message);
    }

    #[test]
    fn never_panics_on_damage(at in any::<prop::sample::Index>(), byte in any::<u8>(), end in any::<prop::sample::Index>()) {
        let mut good = message(vec![("web.example", alias("b.example")), ("b.example", a(1))]);
        let at = at.index(good.len());
        good[at] = byte;
        if let Arrived::Reply(reply) = query().read(&good[..end.index(good.len())]) {
            let _ = answer(&reply, &name("web.example"));
        }
    }
}
