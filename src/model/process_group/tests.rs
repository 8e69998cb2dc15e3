use std::time::{Duration, SystemTime};

use super::*;
use crate::model::gap::{Gaps, Reason, Refusal};
use crate::model::process::LimitPair;

fn at(seconds: u64) -> Timestamp {
    Timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn process(pid: i32, comm: &str, rss_bytes: u64) -> Process {
    Process {
        rss_bytes,
        container: Some("web".to_owned()),
        ..Process::bare(pid, comm, at(100))
    }
}

fn with_fds(process: Process, count: u64, soft: Limit) -> Process {
    let limit = LimitPair {
        soft,
        hard: Limit::Unlimited,
    };
    Process {
        fd_count: Some(Seen::Value(count)),
        fd_limit: Some(Seen::Value(limit)),
        ..process
    }
}

#[test]
fn processes_of_one_name_are_one_group_and_the_largest_comes_first() {
    let list = [
        process(1, "sh", 10),
        Process {
            threads: 3,
            started_at: Seen::Value(at(50)),
            ..process(2, "web", 20)
        },
        process(3, "web", 30),
        Process {
            container: None,
            ..process(4, "web", 1)
        },
    ];
    let (groups, folded) = groups(&list, 50);
    assert_eq!(folded, 0);
    let names: Vec<_> = groups
        .iter()
        .map(|group| {
            (
                &*group.key.container.container,
                &*group.key.name,
                group.members.len(),
            )
        })
        .collect();
    assert_eq!(names, [("web", "web", 2), ("web", "sh", 1), ("", "web", 1)]);
    let web = &groups[0];
    assert_eq!((web.threads, web.resident_bytes), (4, 50));
    assert_eq!(web.oldest_started_at, Some(at(50)));
}

#[test]
fn containers_of_one_name_in_two_pods_are_two_groups() {
    let of_pod = |pid, pod: Option<&str>, pod_uid: Option<&str>| Process {
        namespace: pod.map(|_| "shop".to_owned()),
        pod: pod.map(str::to_owned),
        pod_uid: pod_uid.map(str::to_owned),
        ..process(pid, "web", 10)
    };
    let list = [
        of_pod(1, Some("web-1"), None),
        of_pod(2, Some("web-2"), None),
        of_pod(3, Some("web-2"), None),
        of_pod(4, None, Some("uid-1")),
        of_pod(5, None, Some("uid-2")),
    ];
    let (groups, _) = groups(&list, 50);
    let mut pods: Vec<_> = groups
        .iter()
        .map(|group| {
            let ContainerKey { pod, pod_uid, .. } = &group.key.container;
            (&**pod, &**pod_uid, group.members.len())
        })
        .collect();
    pods.sort_unstable();
    assert_eq!(
        pods,
        [
            ("", "uid-1", 1),
            ("", "uid-2", 1),
            ("web-1", "", 1),
            ("web-2", "", 2)
        ]
    );
}

#[test]
fn beyond_the_bound_all_are_in_one_group_that_is_called_other() {
    let mut list: Vec<_> = (0..200)
        .map(|pid| {
            process(
                pid,
                &format!("worker-{pid}"),
                1_000 + u64::try_from(pid).unwrap(),
            )
        })
        .collect();
    // Large enough for a group of its own, whose name is `other` by chance.
    list.push(Process {
        container: None,
        ..process(200, OTHER, 1 << 20)
    });
    let (groups, folded) = groups(&list, 50);
    assert_eq!((groups.len(), folded), (50, 151));
    let members: usize = groups.iter().map(|group| group.members.len()).sum();
    assert_eq!(members, 201, "nobody is lost and nobody counts twice");
    let others: Vec<_> = groups
        .iter()
        .filter(|group| group.key.name == OTHER)
        .collect();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].members.len(), 152);
}

#[test]
fn threads_of_the_kernel_are_one_group() {
    let list = [1, 2].map(|pid| Process {
        kernel_thread: true,
        tracer_pid: None,
        container: None,
        ..process(pid, &format!("kworker/{pid}"), 0)
    });
    let (groups, _) = groups(&list, 50);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].key.name, KERNEL);
}

#[test]
fn a_sum_with_a_part_unseen_is_absent() {
    let seen = || with_fds(process(1, "web", 1), 10, Limit::Value(100));
    let tight = with_fds(process(2, "web", 1), 9, Limit::Value(10));
    let free = with_fds(process(3, "web", 1), 500, Limit::Unlimited);
    let zombie = process(4, "web", 0);
    let list = [seen(), tight, free, zombie];
    let (groups_, _) = groups(&list, 50);
    assert_eq!(groups_[0].open_fds, Some(519));
    assert_eq!(groups_[0].worst_fd_ratio, Some(0.9));

    let mut gaps = Gaps::default();
    let mut gaps = gaps.section("processes");
    let unseen = gaps.record("fd_count", 5, &Refusal::of(Reason::Uid));
    let hidden = Process {
        fd_count: Some(Seen::Unseen(unseen)),
        ..process(5, "web", 1)
    };
    let (groups_, _) = groups(&[seen(), hidden], 50);
    assert_eq!(
        (groups_[0].open_fds, groups_[0].worst_fd_ratio),
        (None, None)
    );

    let (groups_, _) = groups(&[process(4, "gone", 0)], 50);
    assert_eq!(
        groups_[0].open_fds, None,
        "a zombie has none, which is not 0"
    );
}

#[test]
fn names_that_look_the_same_as_labels_are_one_group() {
    let long = [
        process(1, &"x".repeat(300), 1),
        process(2, &"x".repeat(301), 1),
    ];
    assert_eq!(groups(&long, 50).0.len(), 1);
}
