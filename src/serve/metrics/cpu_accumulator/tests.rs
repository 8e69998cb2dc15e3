use std::time::SystemTime;

use super::*;
use crate::model::process_group::{ContainerKey, groups};

/// One scan: its seconds after the first, and the age of each process.
struct Looks {
    cpu_accumulator: CpuAccumulator,
    start: Instant,
}

impl Looks {
    fn new() -> Self {
        Self {
            cpu_accumulator: CpuAccumulator::default(),
            start: Instant::now(),
        }
    }

    /// Processes by pid, name, age and time used, all in seconds.
    fn look(&mut self, at: u64, processes: &[(i32, &str, u64, f64)]) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + at);
        let list: Vec<Process> = processes
            .iter()
            .map(|(pid, comm, age, used)| Process {
                cpu_seconds: CpuSeconds {
                    user: *used,
                    system: used / 10.0,
                },
                ..Process::bare(*pid, *comm, Timestamp(now - Duration::from_secs(*age)))
            })
            .collect();
        let (groups, _) = groups(&list, 2);
        let began = self.start + Duration::from_secs(at);
        self.cpu_accumulator
            .take_in(&list, &groups, Timestamp(now), began);
    }

    fn user(&self, name: &str) -> Option<f64> {
        let key = GroupKey {
            container: ContainerKey::default(),
            name: name.to_owned(),
        };
        self.cpu_accumulator.of(&key).map(|(user, _)| user)
    }
}

#[test]
fn what_a_process_used_stays_counted_when_it_ends() {
    let mut looks = Looks::new();
    looks.look(0, &[(1, "web", 100, 50.0), (2, "web", 100, 70.0)]);
    assert_eq!(looks.user("web"), Some(120.0));
    looks.look(10, &[(1, "web", 110, 51.0)]);
    assert_eq!(looks.user("web"), Some(121.0));
    looks.look(20, &[]);
    looks.look(30, &[(3, "web", 5, 2.0)]);
    assert_eq!(looks.user("web"), Some(123.0));
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut looks = Looks::new();
    looks.look(0, &[(7, "job", 100, 10.0)]);
    // More than the one before had used, so that only its age tells.
    looks.look(60, &[(7, "job", 30, 25.0)]);
    assert_eq!(looks.user("job"), Some(35.0));
    let (_, system) = looks
        .cpu_accumulator
        .of(&GroupKey {
            container: ContainerKey::default(),
            name: "job".to_owned(),
        })
        .unwrap();
    assert!((system - 3.5).abs() < 1e-9);
}

#[test]
fn no_counter_falls_when_a_group_moves_into_other_and_back() {
    let mut looks = Looks::new();
    let three =
        |a: f64, b: f64, c: f64, age: u64| [(1, "a", age, a), (2, "b", age, b), (3, "c", age, c)];
    // Equal in memory, the first two names have their own group and `c` is in `other`.
    looks.look(0, &three(1.0, 1.0, 5.0, 100));
    assert_eq!(looks.user("other"), Some(5.0));
    looks.look(10, &[(1, "a", 110, 2.0), (3, "c", 110, 6.0)]);
    assert_eq!(
        looks.user("c"),
        Some(1.0),
        "what it used since it is told apart"
    );
    assert_eq!(looks.user("other"), Some(5.0));
    looks.look(20, &three(2.0, 1.5, 8.0, 120));
    assert_eq!(looks.user("other"), Some(7.0));
}

#[test]
fn a_look_that_was_overtaken_counts_nothing_twice() {
    let mut looks = Looks::new();
    looks.look(0, &[(1, "web", 100, 1.0)]);
    looks.look(20, &[(1, "web", 120, 3.0)]);
    looks.look(10, &[(1, "web", 110, 2.0)]);
    looks.look(30, &[(1, "web", 130, 4.0)]);
    assert_eq!(looks.user("web"), Some(4.0));
}

#[test]
fn a_wall_clock_that_is_set_changes_nothing() {
    // The age comes from the clock since boot, so both stamps of a look move together.
    let mut looks = Looks::new();
    looks.look(0, &[(1, "web", 100, 10.0)]);
    let list = [Process {
        cpu_seconds: CpuSeconds {
            user: 11.0,
            system: 1.0,
        },
        ..Process::bare(1, "web", Timestamp(SystemTime::UNIX_EPOCH))
    }];
    let (groups, _) = groups(&list, 2);
    let taken_at = Timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(110));
    let began = looks.start + Duration::from_secs(10);
    looks
        .cpu_accumulator
        .take_in(&list, &groups, taken_at, began);
    assert_eq!(looks.user("web"), Some(11.0));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut looks = Looks::new();
    for at in 0..2_000 {
        let name = format!("job-{at}");
        looks.look(at * 10, &[(1, &name, 1, 1.0)]);
    }
    assert!(looks.cpu_accumulator.groups.len() <= REMEMBERED + 1);
    assert_eq!(looks.user("job-1999"), Some(1.0));
}
