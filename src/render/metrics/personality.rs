//! Whether the addresses of the target are chosen at random.

use super::family::Family;
use super::{Figures, Page};
use crate::model::Report;
use crate::model::personality::Personality;

/// The part of the section `personality`.
pub(crate) fn collect(report: &Report, _: &Figures<'_>, page: &mut Page) {
    let family = Family::gauge(
        "spyhole_address_space_randomized",
        "1 where the addresses of the main process are chosen at random, otherwise 0.",
    );
    let personality = report.personality.as_ref();
    let randomizes = personality.and_then(Personality::randomizes);
    page.add([family.with(randomizes.map(|yes| f64::from(u8::from(yes))))]);
}
