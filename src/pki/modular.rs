//! Arithmetic modulo an odd number, for the verification of signatures that ring does not know.
//!
//! Its time depends on the numbers: keys and signatures of certificates are public. Nothing secret
//! may be given to it.

/// A number of as many words as its modulus has, the lowest first, in Montgomery form.
pub(super) type Residue = Vec<u64>;

/// An odd modulus.
#[derive(Debug, Clone)]
pub(super) struct Modulus {
    words: Vec<u64>,
    /// Minus the inverse of the lowest word, modulo 2^64.
    lowest_inverse: u64,
    /// 2^128n modulo this, for the way into Montgomery form.
    square: Vec<u64>,
}

/// Words of big-endian bytes, the lowest first; as few as hold it.
pub(super) fn words(bytes: &[u8]) -> Vec<u64> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    let word = |part: &[u8]| {
        part.iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    digits.rchunks(8).map(word).collect()
}

/// Big-endian bytes of a number.
pub(super) fn bytes(words: &[u64]) -> Vec<u8> {
    words
        .iter()
        .rev()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

/// Whether one is below the other; both may have zeros at the top.
pub(super) fn is_below(one: &[u64], other: &[u64]) -> bool {
    let word = |number: &[u64], at: usize| number.get(at).copied().unwrap_or_default();
    for at in (0..one.len().max(other.len())).rev() {
        let (one, other) = (word(one, at), word(other, at));
        if one != other {
            return one < other;
        }
    }
    false
}

pub(super) fn is_zero(number: &[u64]) -> bool {
    number.iter().all(|word| *word == 0)
}

/// The bits of a number, the highest first.
pub(super) fn bits(number: &[u64]) -> impl Iterator<Item = bool> {
    number
        .iter()
        .rev()
        .flat_map(|word| (0..64).rev().map(move |bit| word >> bit & 1 == 1))
}

impl Modulus {
    /// `None` where it is even or below 3.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let own = words(bytes);
        let lowest = *own.first()?;
        if lowest & 1 == 0 || (own.len() == 1 && lowest < 3) {
            return None;
        }
        // Each step of Newton doubles the bits that are right.
        let inverse = (0..6).fold(lowest, |inverse, _| {
            inverse.wrapping_mul(2_u64.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        let mut modulus = Self {
            lowest_inverse: inverse.wrapping_neg(),
            square: Vec::new(),
            words: own,
        };
        let mut power = vec![0; modulus.words.len()];
        if let Some(first) = power.first_mut() {
            *first = 1;
        }
        for _ in 0..modulus.words.len() * 128 {
            power = modulus.add(&power, &power);
        }
        modulus.square = power;
        Some(modulus)
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The modulus less a small number, as an exponent.
    pub(super) fn less(&self, number: u64) -> Vec<u64> {
        let mut words = self.words.clone();
        subtract(&mut words, &[number]);
        words
    }

    /// Into Montgomery form; `None` where the number is not below the modulus.
    pub(super) fn enter(&self, number: &[u64]) -> Option<Residue> {
        is_below(number, &self.words).then(|| self.multiply(&self.wide(number), &self.square))
    }

    /// Out of Montgomery form.
    pub(super) fn leave(&self, number: &[u64]) -> Vec<u64> {
        self.multiply(number, &self.wide(&[1]))
    }

    /// 1 in Montgomery form.
    pub(super) fn one(&self) -> Residue {
        self.multiply(&self.wide(&[1]), &self.square)
    }

    /// The difference of two plain numbers, the first not below the second.
    pub(super) fn without(number: &[u64], less: &[u64]) -> Vec<u64> {
        let mut words = number.to_vec();
        subtract(&mut words, less);
        words
    }

    fn wide(&self, number: &[u64]) -> Vec<u64> {
        let zeros = core::iter::repeat(&0);
        let all = number.iter().chain(zeros);
        all.take(self.words.len()).copied().collect()
    }

    pub(super) fn add(&self, one: &[u64], other: &[u64]) -> Residue {
        let mut sum = one.to_vec();
        let carry = add(&mut sum, other);
        self.reduce(sum, carry)
    }

    pub(super) fn subtract(&self, one: &[u64], other: &[u64]) -> Residue {
        let mut difference = one.to_vec();
        if subtract(&mut difference, other) {
            add(&mut difference, &self.words);
        }
        difference
    }

    /// Montgomery's product: one × other ÷ 2^64n.
    pub(super) fn multiply(&self, one: &[u64], other: &[u64]) -> Residue {
        let mut sum = vec![0_u64; self.words.len() + 2];
        for word in one {
            add_product(&mut sum, *word, other);
            let lowest = sum.first().copied().unwrap_or_default();
            let factor = lowest.wrapping_mul(self.lowest_inverse);
            add_product(&mut sum, factor, &self.words);
            // The lowest word is 0 now.
            sum.rotate_left(1);
        }
        let carry = sum.get(self.words.len()).is_some_and(|word| *word != 0);
        sum.truncate(self.words.len());
        self.reduce(sum, carry)
    }

    pub(super) fn square(&self, number: &[u64]) -> Residue {
        self.multiply(number, number)
    }

    pub(super) fn power(&self, base: &[u64], exponent: &[u64]) -> Residue {
        let mut result = self.one();
        for bit in bits(exponent).skip_while(|bit| !bit) {
            result = self.square(&result);
            if bit {
                result = self.multiply(&result, base);
            }
        }
        result
    }

    /// A number below twice the modulus; `carry`: it has a bit more.
    fn reduce(&self, mut number: Vec<u64>, carry: bool) -> Residue {
        if carry || !is_below(&number, &self.words) {
            subtract(&mut number, &self.words);
        }
        number
    }
}

fn add(to: &mut [u64], number: &[u64]) -> bool {
    let mut carry = false;
    let (low, high) = to.split_at_mut(number.len().min(to.len()));
    for (to, word) in low.iter_mut().zip(number) {
        (*to, carry) = to.carrying_add(*word, carry);
    }
    for to in high {
        (*to, carry) = to.carrying_add(0, carry);
    }
    carry
}

fn subtract(from: &mut [u64], number: &[u64]) -> bool {
    let mut borrow = false;
    let (low, high) = from.split_at_mut(number.len().min(from.len()));
    for (from, word) in low.iter_mut().zip(number) {
        (*from, borrow) = from.borrowing_sub(*word, borrow);
    }
    for from in high {
        (*from, borrow) = from.borrowing_sub(0, borrow);
    }
    borrow
}

/// Adds factor × number.
fn add_product(to: &mut [u64], factor: u64, number: &[u64]) {
    let mut carry = 0;
    let (low, high) = to.split_at_mut(number.len().min(to.len()));
    for (to, word) in low.iter_mut().zip(number) {
        (*to, carry) = factor.carrying_mul_add(*word, *to, carry);
    }
    for to in high {
        let (sum, over) = to.overflowing_add(carry);
        (*to, carry) = (sum, u64::from(over));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_small_numbers() {
        for (base, exponent, modulus) in [
            (3_u64, 200_u64, 1_000_003_u64),
            (2, 64, 97),
            (5, 3, 125_000_001),
        ] {
            let own = Modulus::new(&modulus.to_be_bytes()).unwrap();
            let found = own.leave(&own.power(&own.enter(&[base]).unwrap(), &[exponent]));
            let wanted = (0..exponent).fold(1_u128, |product, _| {
                product * u128::from(base) % u128::from(modulus)
            });
            assert_eq!(
                u128::from(found[0]),
                wanted,
                "{base}^{exponent} mod {modulus}"
            );
        }
    }

    #[test]
    fn an_inverse_by_fermat_gives_one() {
        let prime = data_encoding::HEXLOWER
            .decode(b"ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d")
            .unwrap();
        let modulus = Modulus::new(&prime).unwrap();
        let number = modulus.enter(&[123, 456, 789]).unwrap();
        let inverse = modulus.power(&number, &modulus.less(2));
        assert_eq!(modulus.multiply(&number, &inverse), modulus.one());
        assert_eq!(modulus.enter(modulus.words()), None);
        assert!(Modulus::new(&[4]).is_none());
    }
}
