//! The first wait group beside the real one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use rejoin_ladder::{block_on, wait_group};

use crate::watchdog::watchdog;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Leaves two waiters' wakers with a group, lets the last worker go, and says how often each was woken.
fn two_waiters<W: Future<Output = ()> + Unpin>(waiters: [W; 2], last: impl Sized) -> [usize; 2] {
    let counts = [(); 2].map(|()| Arc::new(Count::default()));
    let mut waiters = waiters;
    for (waiter, count) in waiters.iter_mut().zip(&counts) {
        let waker = Waker::from(Arc::clone(count));
        let polled = Pin::new(waiter).poll(&mut Context::from_waker(&waker));
        assert_eq!(polled, Poll::Pending);
    }
    drop(last);
    counts.map(|count| count.0.load(Ordering::SeqCst))
}

#[test]
fn of_two_waiters_of_the_first_group_one_is_forgotten() {
    let group = wait_group::WaitGroup::new();
    assert_eq!(two_waiters([group.waiter(), group.waiter()], group), [0, 1]);
}

#[test]
fn of_two_waiters_of_the_real_group_both_are_woken() {
    let group = rejoin::WaitGroup::new();
    assert_eq!(two_waiters([group.waiter(), group.waiter()], group), [1, 1]);
}

#[test]
fn with_one_waiter_the_first_group_does_what_it_should() {
    let _watchdog = watchdog("with_one_waiter_the_first_group_does_what_it_should");
    for _ in 0..1_000 {
        let group = wait_group::WaitGroup::new();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let worker = group.clone();
                std::thread::spawn(move || drop(worker))
            })
            .collect();
        block_on(group.wait());
        for worker in workers {
            worker.join().unwrap();
        }
    }
}
