//! Who still holds the group.

use std::time::Duration;

use rejoin_wait_group::WaitGroup;

#[test]
fn every_handle_is_listed_with_name_and_place_the_oldest_first() {
    let (group, first) = (WaitGroup::new(), line!());
    let (named, second) = (group.named("index"), line!());
    let (clone, third) = (named.clone(), line!());
    let (joined, fourth) = (group.waiter().try_join().unwrap(), line!());
    let listed: Vec<_> = group
        .outstanding()
        .iter()
        .map(|handle| {
            assert!(handle.location().file().ends_with("trace.rs"));
            assert_eq!(handle.depth(), 0);
            (handle.location().line(), handle.name().map(str::to_owned))
        })
        .collect();
    let index = || Some("index".to_owned());
    assert_eq!(
        listed,
        [
            (first, None),
            (second, index()),
            (third, index()),
            (fourth, None)
        ]
    );
    drop((named, clone, joined));
    assert_eq!(group.outstanding().len(), 1);
    let wait = group.wait();
    assert!(wait.outstanding().is_empty());
}

#[test]
fn a_handle_kept_in_scope_by_mistake_is_found() {
    let group = WaitGroup::new();
    let (worker, line) = (group.clone(), line!());
    let wait = group.wait();
    let error = wait.wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(error.outstanding().len(), 1);
    assert_eq!(error.outstanding()[0].location().line(), line);
    let text = error.to_string();
    assert!(
        text.starts_with("1 worker is not done: a worker ("),
        "{text}"
    );
    assert!(text.contains(&format!("trace.rs:{line}:")), "{text}");
    drop(worker);
}

#[test]
fn a_tracked_future_is_listed_where_it_was_tracked() {
    let group = WaitGroup::new();
    let (tracked, line) = (group.track(async {}), line!());
    assert_eq!(group.outstanding()[1].location().line(), line);
    drop(tracked);
    assert_eq!(group.outstanding().len(), 1);
}

#[test]
fn what_is_in_a_child_follows_the_unit_that_the_child_holds() {
    let group = WaitGroup::new();
    let before = group.named("before");
    let child = group.named("listener").child();
    let connection = child.named("connection");
    let grandchild = connection.child();
    let after = group.named(String::from("after"));
    let listed: Vec<_> = group
        .wait()
        .outstanding()
        .iter()
        .map(|handle| (handle.depth(), handle.name().unwrap_or("-").to_owned()))
        .collect();
    let expected = [
        (0, "before"),
        (0, "listener"),
        (1, "-"),
        (1, "connection"),
        (1, "connection"),
        (2, "-"),
        (0, "after"),
    ];
    assert_eq!(
        listed,
        expected.map(|(depth, name)| (depth, name.to_owned()))
    );
    drop((before, child, connection, grandchild, after));
}

#[test]
fn a_deep_chain_is_listed_without_a_deep_stack() {
    let root = WaitGroup::new();
    let wait = root.waiter();
    let mut last = root;
    for _ in 0..100_000 {
        last = last.child();
    }
    let listed = wait.outstanding();
    assert_eq!(listed.len(), 100_001);
    assert_eq!(listed[100_000].depth(), 100_000);
}

#[test]
fn an_error_with_many_workers_shows_some_and_counts_the_rest() {
    let group = WaitGroup::new();
    let workers: Vec<_> = (0..20)
        .map(|n| group.named(format!("worker {n}")))
        .collect();
    let error = group.wait().wait_timeout(Duration::ZERO).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("worker 7 ("), "{text}");
    assert!(!text.contains("worker 8 ("), "{text}");
    assert!(text.ends_with(" and 12 more"), "{text}");
    assert_eq!(error.outstanding().len(), workers.len());
}

#[test]
fn debug_shows_the_name() {
    let group = WaitGroup::new().named("index");
    assert_eq!(
        format!("{group:?}"),
        "WaitGroup { name: \"index\", workers: 1 }"
    );
}
