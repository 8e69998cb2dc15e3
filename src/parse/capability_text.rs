//! The text of capability sets as `getpcaps` and `getcap` print it, which `cap_to_text(3)`
//! of libcap defines: `cap_net_bind_service=ep`, `=ep cap_sys_resource-ep`, `=`.

use std::fmt::Write;

use super::capabilities::{contains, name};

const EFFECTIVE: u8 = 1;
const PERMITTED: u8 = 2;
const INHERITABLE: u8 = 4;

/// The text of three masks, where the kernel knows `known` capabilities (41 since Linux 5.9).
///
/// What most of the known capabilities have in common comes first and stands for all; then
/// each group that differs from it says by what. Written as libcap 2.42 and later do.
#[must_use]
pub(crate) fn text(effective: u64, permitted: u64, inheritable: u64, known: u8) -> String {
    let flags = |bit: u8| {
        let flag = |mask, flag| if contains(mask, bit) { flag } else { 0 };
        flag(effective, EFFECTIVE) | flag(permitted, PERMITTED) | flag(inheritable, INHERITABLE)
    };
    let known = known.min(64);
    let having = |wanted: u8| (0..known).filter(move |bit| flags(*bit) == wanted);
    let common = (0..8_u8)
        .rev()
        .max_by_key(|flags| having(*flags).count())
        .unwrap_or(0);
    let mut text = format!("={}", letters(common));
    for group in (0..8_u8).rev().filter(|group| *group != common) {
        let Some(names) = joined(having(group)) else {
            continue;
        };
        let (more, fewer) = (group & !common, common & !group);
        // Nothing in common needs no word once something else stands there.
        let operator = if text == "=" { '=' } else { '+' };
        if operator == '=' {
            text.clear();
        } else {
            text.push(' ');
        }
        text.push_str(&names);
        if more != 0 {
            text.push(operator);
            text.push_str(&letters(more));
        }
        if fewer != 0 {
            text.push('-');
            text.push_str(&letters(fewer));
        }
    }
    for group in (1..8_u8).rev() {
        if let Some(numbers) = joined((known..64).filter(|bit| flags(*bit) == group)) {
            let _ = write!(text, " {numbers}+{}", letters(group));
        }
    }
    text
}

fn letters(flags: u8) -> String {
    [(EFFECTIVE, 'e'), (INHERITABLE, 'i'), (PERMITTED, 'p')]
        .into_iter()
        .filter(|(flag, _)| flags & flag != 0)
        .map(|(_, letter)| letter)
        .collect()
}

fn joined(bits: impl Iterator<Item = u8>) -> Option<String> {
    let words: Vec<String> = bits
        .map(|bit| name(bit).map_or_else(|| bit.to_string(), str::to_owned))
        .collect();
    (!words.is_empty()).then(|| words.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: u64 = (1 << 41) - 1;

    /// As libcap 2.66 writes them.
    #[test]
    fn as_libcap_writes_it() {
        let table: [(u64, u64, u64, &str); 14] = [
            (0, 0, 0, "="),
            (ALL, ALL, 0, "=ep"),
            (ALL, ALL, ALL, "=eip"),
            (0, ALL, 0, "=p"),
            (0, 0, ALL, "=i"),
            (ALL & !2, ALL, 0, "=ep cap_dac_override-e"),
            (
                ALL & !(1 << 24),
                ALL & !(1 << 24),
                0,
                "=ep cap_sys_resource-ep",
            ),
            (1 << 10, 1 << 10, 0, "cap_net_bind_service=ep"),
            (1, 1, 1, "cap_chown=eip"),
            (0, 1, 1 << 5, "cap_kill=i cap_chown+p"),
            (
                3,
                5,
                8,
                "cap_fowner=i cap_chown+ep cap_dac_read_search+p cap_dac_override+e",
            ),
            (1 << 41, 1 << 41, 0, "= 41+ep"),
            (ALL | 1 << 41, ALL, 0, "=ep 41+e"),
            (1 << 63, 0, 0, "= 63+e"),
        ];
        for (effective, permitted, inheritable, wanted) in table {
            assert_eq!(text(effective, permitted, inheritable, 41), wanted);
        }
    }

    #[test]
    fn all_of_an_older_kernel_is_all() {
        let all = (1 << 38) - 1;
        assert_eq!(text(all, all, 0, 38), "=ep");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_never_empty(e: u64, p: u64, i: u64, known: u8) {
            prop_assert!(!text(e, p, i, known).is_empty());
        }

        #[test]
        fn reads_back(e in 0..=ALL, p in 0..=ALL, i in 0..=ALL) {
            prop_assert_eq!(read(&text(e, p, i, 41)), (e, p, i));
        }
    }

    /// What `cap_from_text(3)` understands by what is written here.
    fn read(text: &str) -> (u64, u64, u64) {
        let mut sets = [0_u64; 3];
        for clause in text.split(' ') {
            let at = clause.find(['=', '+', '-']).unwrap();
            let (names, mut rest) = clause.split_at(at);
            let mask = match names {
                "" => ALL,
                names => names.split(',').fold(0, |mask, name| {
                    mask | 1 << crate::parse::capabilities::bit(name).unwrap()
                }),
            };
            while !rest.is_empty() {
                let end = rest[1..].find(['+', '-']).map_or(rest.len(), |at| at + 1);
                let (step, after) = rest.split_at(end);
                for (set, letter) in sets.iter_mut().zip(['e', 'p', 'i']) {
                    match (step.starts_with('-'), step.contains(letter)) {
                        (true, true) => *set &= !mask,
                        (false, true) => *set |= mask,
                        (_, false) => {}
                    }
                }
                rest = after;
            }
        }
        (sets[0], sets[1], sets[2])
    }
}
