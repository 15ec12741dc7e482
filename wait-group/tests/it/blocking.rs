//! Threads that wait.

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rejoin_wait_group::WaitGroup;

use crate::support::watch;

#[test]
fn a_thread_waits_for_threads() {
    let _watch = watch("eight threads");
    for _ in 0..200 {
        let group = WaitGroup::new();
        let (send, receive) = mpsc::channel();
        for worker in vec![group.clone(); 8] {
            let send = send.clone();
            thread::spawn(move || {
                send.send(()).unwrap();
                drop(worker);
            });
        }
        drop(send);
        group.wait().wait_blocking();
        assert_eq!(receive.try_iter().count(), 8);
    }
}

#[test]
fn many_threads_wait_through_one_waiter() {
    let _watch = watch("waiting threads");
    let group = WaitGroup::new();
    let wait = Arc::new(group.waiter());
    let here = Arc::new(Barrier::new(5));
    let threads = [(); 4].map(|()| {
        let (wait, here) = (Arc::clone(&wait), Arc::clone(&here));
        thread::spawn(move || {
            here.wait();
            wait.wait_blocking();
        })
    });
    here.wait();
    drop(group);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_thread_that_is_unparked_for_another_reason_goes_on_waiting() {
    let _watch = watch("a waiting thread");
    let group = WaitGroup::new();
    let wait = group.waiter();
    let (send, receive) = mpsc::channel();
    let thread = thread::spawn(move || {
        send.send(()).unwrap();
        wait.wait_blocking();
        assert!(wait.is_done());
    });
    receive.recv().unwrap();
    for _ in 0..1000 {
        thread.thread().unpark();
    }
    drop(group);
    thread.join().unwrap();
}

#[test]
fn a_wait_in_time_is_ok_and_a_late_one_says_how_many_are_left() {
    let _watch = watch("timeouts");
    let group = WaitGroup::new();
    let workers = [group.clone(), group.clone()];
    let wait = group.wait();
    let error = wait.wait_timeout(Duration::from_millis(2)).unwrap_err();
    assert_eq!(error.workers(), 2);
    assert!(
        error.to_string().starts_with("2 workers are not done"),
        "{error}"
    );
    drop(workers);
    assert!(wait.wait_timeout(Duration::from_millis(2)).is_ok());
}

#[test]
fn a_zero_timeout_looks_once() {
    let group = WaitGroup::new();
    let wait = group.waiter();
    assert_eq!(wait.wait_timeout(Duration::ZERO).unwrap_err().workers(), 1);
    drop(group);
    assert!(wait.wait_timeout(Duration::ZERO).is_ok());
}

#[test]
fn a_timeout_beyond_all_clocks_waits_for_the_group() {
    let _watch = watch("a group under the longest timeout");
    let group = WaitGroup::new();
    let worker = group.clone();
    let thread = thread::spawn(move || drop(worker));
    assert!(group.wait().wait_timeout(Duration::MAX).is_ok());
    thread.join().unwrap();
}

#[test]
fn a_timeout_is_not_early() {
    let group = WaitGroup::new();
    let begin = Instant::now();
    let timeout = Duration::from_millis(20);
    assert!(group.waiter().wait_timeout(timeout).is_err());
    assert!(begin.elapsed() >= timeout);
}

#[test]
fn a_timeout_leaves_nothing_behind() {
    let group = WaitGroup::new();
    let wait = group.waiter();
    for _ in 0..100 {
        assert!(wait.wait_timeout(Duration::ZERO).is_err());
    }
    assert_eq!(group.workers(), 1);
    drop(group);
    assert!(wait.is_done());
}
