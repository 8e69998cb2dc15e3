//! Does a run of letters and digits look random?
//!
//! Two measures, since either alone errs. **Mixing**: how often neighbours differ in class
//! (lower, upper, digit). Base62 noise changes class at 62 % of its places (0.42² + 0.42² +
//! 0.16² of the pairs agree), `camelCaseNames` at 30–40 %, words and paths below 20 %.
//! **Shannon entropy**: at least four fifths of what the length and the alphabet allow, so
//! that `aA1aA1aA1…` is no secret. At 20 characters the mixing of noise has a standard
//! deviation of 0.11, so the bound of 0.42 loses about one key in thirty there and next to none at 40 (measured
//! in the test below).
//!
//! Hexadecimal alone is never taken for a secret: digests, commits, container ids, trace ids
//! and UUIDs are, by far, the more common. A hexadecimal key is known by its name.

/// Shorter runs with all three classes are not judged.
const SHORTEST: usize = 20;
/// With two classes only (pod names, ULIDs, base32) more is asked for.
const SHORTEST_TWO_CLASSES: usize = 28;
const MIXING_THREE: f64 = 0.42;
/// An AWS secret key has 40 characters of base64 exactly, which few names and paths have.
const AWS_LENGTH: usize = 40;
const MIXING_AWS: f64 = 0.33;
const MIXING_LETTERS: f64 = 0.45;
const MIXING_DIGITS: f64 = 0.22;
const SHANNON_SHARE: f64 = 0.8;
/// The eyes see enough here; keeps a run of megabytes cheap.
const LOOKED_AT: usize = 512;

/// Whether `run` (of `A-Za-z0-9+/_-`) looks random, as a whole or in one of its path segments.
pub(super) fn looks_random(run: &[u8]) -> bool {
    if run.len() < SHORTEST {
        return false;
    }
    let path = run.first() == Some(&b'/');
    if !path && !has_hex_part(run) && is_noise(run) {
        return true;
    }
    run.contains(&b'/') && run.split(|&b| b == b'/').any(is_noise)
}

fn is_noise(run: &[u8]) -> bool {
    if run.len() < SHORTEST {
        return false;
    }
    let run = run.get(..LOOKED_AT).unwrap_or(run);
    let seen = Classes::of(run);
    if seen.only_hex {
        return false;
    }
    let mixing = f64::from(seen.changes) / f64::from(seen.characters.max(2) - 1);
    let (alphabet, enough) = match (seen.lower > 0, seen.upper > 0, seen.digit > 0) {
        (true, true, true) => {
            let aws = run.len() == AWS_LENGTH && !run.iter().any(|b| matches!(b, b'-' | b'_'));
            (64.0, mixing >= if aws { MIXING_AWS } else { MIXING_THREE })
        }
        _ if run.len() < SHORTEST_TWO_CLASSES || seen.separators > 0 => return false,
        (true, true, false) => (52.0, mixing >= MIXING_LETTERS),
        (_, _, true) => (36.0, mixing >= MIXING_DIGITS),
        _ => return false,
    };
    enough && shannon(run) >= SHANNON_SHARE * f64::from(seen.characters).min(alphabet).log2()
}

struct Classes {
    lower: u32,
    upper: u32,
    digit: u32,
    separators: u32,
    characters: u32,
    changes: u32,
    only_hex: bool,
}

impl Classes {
    fn of(run: &[u8]) -> Self {
        let mut seen = Self {
            lower: 0,
            upper: 0,
            digit: 0,
            separators: 0,
            characters: 0,
            changes: 0,
            only_hex: true,
        };
        let mut last = 0;
        for &byte in run {
            let class = match byte {
                b'a'..=b'z' => {
                    seen.lower += 1;
                    1
                }
                b'A'..=b'Z' => {
                    seen.upper += 1;
                    2
                }
                b'0'..=b'9' => {
                    seen.digit += 1;
                    3
                }
                _ => {
                    seen.separators += 1;
                    continue;
                }
            };
            seen.only_hex &= byte.is_ascii_hexdigit();
            seen.characters += 1;
            seen.changes += u32::from(last != 0 && last != class);
            last = class;
        }
        seen
    }
}

/// A UUID or digest inside: its digits would make a harmless name look mixed.
fn has_hex_part(run: &[u8]) -> bool {
    run.split(|b| !b.is_ascii_alphanumeric()).any(|part| {
        part.len() >= 8
            && part.iter().all(u8::is_ascii_hexdigit)
            && part.iter().any(u8::is_ascii_digit)
    })
}

/// Bits a character, over what occurs.
fn shannon(run: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in run {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(run.len()).unwrap_or(u32::MAX).max(1));
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::looks_random;

    /// Numbers that look random and are the same each time (`SplitMix64`).
    fn noise(seed: u64, length: usize, alphabet: &[u8]) -> Vec<u8> {
        let mut state = seed;
        (0..length)
            .map(|_| {
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                let size = u64::try_from(alphabet.len()).unwrap();
                alphabet[usize::try_from((z ^ (z >> 31)) % size).unwrap()]
            })
            .collect()
    }

    #[test]
    fn the_bounds_catch_noise() {
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const BASE62: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        const BASE36: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        for (alphabet, length, at_least) in [
            (BASE62, 20, 900),
            (BASE62, 32, 970),
            (BASE62, 40, 990),
            (BASE64, 40, 900), // a leading slash or a hexadecimal part reads as a path
            (BASE64, 64, 900),
            (BASE36, 32, 930),
            (BASE36, 48, 960),
        ] {
            let caught = (0..1000)
                .filter(|&n| looks_random(&noise(n, length, alphabet)))
                .count();
            assert!(caught >= at_least, "{caught} of 1000 at length {length}");
        }
    }

    #[test]
    fn names_paths_and_digests_are_not_noise() {
        for shown in [
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
            "/usr/lib/x86_64-linux-gnu/libQt5Core",
            "/nix/store/0c2f3h1p8y6r4k9w7m5n3b1v2x0z8l6q-nginx-1/bin/nginx",
            "my-frontend-service-7d9f8b6c5d-x2x4z",
            "AbstractSingletonProxyFactoryBean",
            "InitialRAMPercentageOfTheHeap2Use",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "550e8400-e29b-41d4-a716-446655440000",
            "/Data/550e8400-e29b-41d4-a716-446655440000/Volume",
            "aA1aA1aA1aA1aA1aA1aA1aA1aA1aA1",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "UnlockExperimentalVMOptionsAndMore",
        ] {
            assert!(!looks_random(shown.as_bytes()), "{shown}");
        }
    }
}
