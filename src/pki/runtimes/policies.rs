//! Certificate policies as far as policyConstraints require one (RFC 5280 6.1).

use crate::parse::x509::raw::{self, RawCertificate};

/// What is left of the policies on the way from the authority to the leaf.
#[derive(Debug, Default)]
pub(super) struct PolicyState<'a> {
    /// `None`: any.
    left: Option<Vec<&'a [u8]>>,
    /// Certificates that may follow before a policy is required.
    required_in: Option<u64>,
}

/// A policy is required and none is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequiredPolicy {
    Missing,
    /// The certificate maps policies, which is not followed here.
    Mapped,
}

impl<'a> PolicyState<'a> {
    /// Takes the next certificate below the authority.
    ///
    /// # Errors
    /// Where a policy is required and none is left.
    pub(super) fn check(
        &mut self,
        one: &RawCertificate<'a>,
        is_self_issued: bool,
        is_leaf: bool,
    ) -> Result<(), RequiredPolicy> {
        const ANY: &[u8] = &[0x55, 0x1d, 32, 0];
        let own: Vec<&[u8]> = one
            .value(&[0x55, 0x1d, 32])
            .and_then(raw::sequences)
            .unwrap_or_default()
            .into_iter()
            .filter_map(raw::first_identifier)
            .collect();
        if !own.contains(&ANY) {
            self.left = Some(match self.left.take() {
                None => own,
                Some(left) => left.into_iter().filter(|one| own.contains(one)).collect(),
            });
        }
        let is_empty = self.left.as_ref().is_some_and(Vec::is_empty);
        let asked = one.value(&[0x55, 0x1d, 36]).and_then(raw::required_policy);
        if is_leaf && asked == Some(0) {
            self.required_in = Some(0);
        }
        if self.required_in == Some(0) && is_empty {
            return Err(match one.value(&[0x55, 0x1d, 33]) {
                Some(_) => RequiredPolicy::Mapped,
                None => RequiredPolicy::Missing,
            });
        }
        if !is_leaf {
            if !is_self_issued {
                self.required_in = self.required_in.map(|left| left.saturating_sub(1));
            }
            self.required_in = match (self.required_in, asked) {
                (Some(left), Some(asked)) => Some(left.min(asked)),
                (left, asked) => left.or(asked),
            };
        }
        Ok(())
    }
}
