//! Who drives local tasks: one executor of several, one of several drivers, or nobody for a while.

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use futures::channel::oneshot;
use rejoin::LocalExecutor;

use crate::support::{Count, poll_once, watched};

#[test]
fn who_drives_one_executor_polls_no_task_of_another() {
    watched(|| {
        let (left, right) = (LocalExecutor::new(), LocalExecutor::new());
        let (woken_left, woken_right) = (Arc::new(Count::new()), Arc::new(Count::new()));
        let (left_waker, right_waker) = (
            Waker::from(Arc::clone(&woken_left)),
            Waker::from(Arc::clone(&woken_right)),
        );
        let mut drives_left = pin!(left.run(pending::<()>()));
        let mut drives_right = pin!(right.run(pending::<()>()));
        let mut left_cx = Context::from_waker(&left_waker);
        let mut right_cx = Context::from_waker(&right_waker);
        assert!(drives_left.as_mut().poll(&mut left_cx).is_pending());
        assert!(drives_right.as_mut().poll(&mut right_cx).is_pending());
        let polled = Rc::new(Cell::new(false));
        let flag = Rc::clone(&polled);
        left.spawn(async move { flag.set(true) }).detach();
        assert_eq!((woken_left.get(), woken_right.get()), (1, 0));
        assert!(drives_right.as_mut().poll(&mut right_cx).is_pending());
        assert!(!polled.get());
        assert!(drives_left.as_mut().poll(&mut left_cx).is_pending());
        assert!(polled.get());
    });
}

#[test]
fn of_two_who_drive_one_leaves_and_the_other_is_called() {
    watched(|| {
        for newest_leaves in [false, true] {
            let local = LocalExecutor::new();
            let (tell, told) = oneshot::channel::<()>();
            let task = local.spawn(async move { told.await.unwrap() });
            let (first, second) = (Arc::new(Count::new()), Arc::new(Count::new()));
            let mut leaves = Box::pin(local.run(pending::<()>()));
            let mut stays = pin!(local.run(pending::<()>()));
            let wakers = [&first, &second].map(|count| Waker::from(Arc::clone(count)));
            let (leaver, stayer) = (
                &mut Context::from_waker(&wakers[0]),
                &mut Context::from_waker(&wakers[1]),
            );
            if newest_leaves {
                assert!(stays.as_mut().poll(stayer).is_pending());
                assert!(leaves.as_mut().poll(leaver).is_pending());
            } else {
                assert!(leaves.as_mut().poll(leaver).is_pending());
                assert!(stays.as_mut().poll(stayer).is_pending());
            }
            drop(leaves);
            let before = second.get();
            tell.send(()).unwrap();
            assert!(second.get() > before, "nobody was called");
            assert!(stays.as_mut().poll(stayer).is_pending());
            assert!(task.is_finished());
        }
    });
}

#[test]
fn a_task_that_nobody_drives_is_not_polled_and_does_not_hold_up_who_does_not_await_it() {
    watched(|| {
        let local = LocalExecutor::new();
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let mut task = local.spawn(async move {
            counted.set(counted.get() + 1);
            pending::<()>().await;
        });
        assert!(poll_once(&mut task).is_pending());
        assert_eq!(polls.get(), 0);
        assert_eq!(local.block_on(async { 7 }), 7);
        drop(local);
        assert!(polls.get() <= 1);
    });
}
