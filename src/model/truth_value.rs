//! The values of Kleene's three-valued logic: what was seen to hold, what was seen not to hold,
//! and what could not be seen.

/// The answer to a question about what may be unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TruthValue {
    /// It holds.
    True,
    /// It could not be seen.
    Unknown,
    /// It does not hold.
    False,
}

impl TruthValue {
    /// The conjunction: false beats unknown beats true. Of nothing it is true.
    pub fn all(values: impl IntoIterator<Item = Self>) -> Self {
        values.into_iter().fold(Self::True, Self::and)
    }

    /// The disjunction: true beats unknown beats false. Of nothing it is false.
    pub fn any(values: impl IntoIterator<Item = Self>) -> Self {
        values.into_iter().fold(Self::False, Self::or)
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::True, Self::True) => Self::True,
        }
    }

    /// At least one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }

    /// Unknown, unless it holds.
    #[must_use]
    pub fn true_or_unknown(holds: bool) -> Self {
        if holds { Self::True } else { Self::Unknown }
    }

    /// Unknown, where it holds as far as was seen and not all was seen.
    #[must_use]
    pub fn unless_partial(self, is_partial: bool) -> Self {
        match self {
            Self::True if is_partial => Self::Unknown,
            value => value,
        }
    }
}

impl From<bool> for TruthValue {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl std::ops::Not for TruthValue {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
            Self::False => Self::True,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TruthValue::{False, True, Unknown};
    use super::*;

    const ALL: [TruthValue; 3] = [True, Unknown, False];

    #[test]
    fn the_tables_of_kleene() {
        assert_eq!(ALL.map(|value| !value), [False, Unknown, True]);
        assert_eq!(ALL.map(|value| value.and(True)), [True, Unknown, False]);
        assert_eq!(
            ALL.map(|value| value.and(Unknown)),
            [Unknown, Unknown, False]
        );
        assert_eq!(ALL.map(|value| value.and(False)), [False; 3]);
        assert_eq!(ALL.map(|value| value.or(True)), [True; 3]);
        assert_eq!(ALL.map(|value| value.or(Unknown)), [True, Unknown, Unknown]);
        assert_eq!(ALL.map(|value| value.or(False)), [True, Unknown, False]);
    }

    #[test]
    fn of_nothing_all_hold_and_none_does() {
        assert_eq!(TruthValue::all([]), True);
        assert_eq!(TruthValue::any([]), False);
        assert_eq!(TruthValue::all([True, Unknown, False]), False);
        assert_eq!(TruthValue::any([True, Unknown, False]), True);
    }
}
