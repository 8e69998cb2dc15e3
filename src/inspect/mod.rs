//! One file a section: ask `sys`, parse, fill the model.
//!
//! [`look`] finds the target and walks /proc once; each section then fills its
//! part of the report from what the walk brought.

pub mod containers;
pub mod environment;
pub mod identity;
pub mod look;
pub mod net_namespace;
pub mod processes;
pub mod redact;
pub mod section;
pub mod select;
pub mod sockets;
pub mod standing;
pub mod view;
pub mod visit;
pub mod walk;

use section::Section;

use crate::model::Report;
use crate::model::time::Timestamp;
use look::{Needs, NoTarget, Options};
use section::{Detail, Request};
use view::View;

/// Every section, in the order of the document and of the help.
pub const REGISTRY: &[Section] = &[
    Section::of::<containers::ContainersQuery>(),
    Section::of::<processes::ProcessesQuery>(),
    Section::of::<sockets::SocketsQuery>(),
    Section::of::<environment::EnvironmentQuery>(),
];

/// One look for all of these requests.
///
/// # Errors
/// [`NoTarget`], where there is nothing to look at or more than one thing.
pub fn report(
    options: Options,
    requests: &[Box<dyn Request>],
    detail: Detail,
) -> Result<Report, NoTarget> {
    let needs = requests
        .iter()
        .map(|request| request.needs(detail))
        .reduce(Needs::and);
    let mut view = View::open(options, needs.unwrap_or(Needs::NONE))?;
    let mut report = Report::begin(Timestamp(view.clock.now));
    report.target = view.target();
    for request in requests {
        request.fill(&mut view, &mut report);
    }
    report.gaps = view.gaps.as_slice().to_vec();
    Ok(report)
}
