//! Which values are secrets, and what is shown in their place.
use crate::model::secret::{Argument, Redacted};
/// Stub.
pub struct Redactor;
impl Redactor {
    #[must_use]
    pub fn new(_: &[u8]) -> Self {
        Self
    }
    #[must_use]
    pub fn reveal_all(self, _: bool) -> Self {
        self
    }
    #[must_use]
    pub fn reveal(self, _: impl IntoIterator<Item = String>) -> Self {
        self
    }
    #[must_use]
    pub fn variable(&self, _: &[u8], _: &[u8]) -> Option<Redacted> {
        None
    }
    #[must_use]
    pub fn bare(&self, _: &[u8]) -> Option<Redacted> {
        None
    }
    #[must_use]
    pub fn arguments(&self, args: &[Vec<u8>]) -> Vec<Argument> {
        args.iter()
            .map(|a| Argument {
                text: a.as_slice().into(),
                redacted: vec![],
            })
            .collect()
    }
}
