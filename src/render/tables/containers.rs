//! The table of `containers`.

use super::table::{Align, Cell, Heading, Table};
use crate::model::container::{Container, ContainerKind};
use crate::model::time::Timestamp;

/// One row for each container.
#[must_use]
pub(crate) fn table(containers: &[Container], wide: bool, now: Timestamp) -> Table {
    let left = |title| Heading {
        title,
        align: Align::Left,
    };
    let right = |title| Heading {
        title,
        align: Align::Right,
    };
    let mut headings = vec![
        left("NAME"),
        left("ROLE"),
        left("RUNTIME"),
        left("ID"),
        right("PID"),
        left("MAIN"),
        right("PROCESSES"),
        left("START"),
    ];
    // A pod is named on its node only.
    let has_pods = wide || containers.iter().any(|one| one.pod.is_some());
    if has_pods {
        headings.extend([left("POD"), left("NAMESPACE")]);
    }
    if wide {
        headings.push(left("POD UID"));
    }
    let optional = |text: &Option<String>| {
        text.as_ref()
            .map_or(Cell::Absent, |text| Cell::Outside(text.as_str().into()))
    };
    let rows = containers
        .iter()
        .map(|container| {
            let id = container.id.as_ref().map(|id| {
                if wide {
                    id.clone()
                } else {
                    id.chars().take(12).collect()
                }
            });
            let mut row = vec![
                Cell::Outside(container.label().as_str().into()),
                role(container).into(),
                optional(&container.runtime),
                optional(&id),
                Cell::number(container.main_pid),
                Cell::from(&container.main_comm),
                Cell::number(container.process_count),
                Cell::of(Some(&container.started_at), |at| at.short(now).into()),
            ];
            if has_pods {
                row.extend([optional(&container.pod), optional(&container.namespace)]);
            }
            if wide {
                row.push(optional(&container.pod_uid));
            }
            row
        })
        .collect();
    Table {
        headings,
        rows,
        ..Table::default()
    }
}

fn role(container: &Container) -> String {
    let mut words = Vec::new();
    if container.target {
        words.push("target");
    }
    if container.own {
        words.push("self");
    }
    match container.kind {
        ContainerKind::Pause => words.push("pause"),
        ContainerKind::Host => words.push("host"),
        ContainerKind::Container if words.is_empty() => words.push("-"),
        ContainerKind::Container => {}
    }
    words.join(",")
}
