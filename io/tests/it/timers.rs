//! Timers: in order, moved, taken back, many, virtual. Bounds are below only: that is what is promised.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rejoin::{TaskGroup, spawn};
use rejoin_io::{Timer, interval, sleep, sleep_until, timeout};

use crate::support::{executor, poll_once, watched, with_workers};

/// Far enough for no test to live to see it.
const LONG: Duration = Duration::from_secs(100_000);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn sleepers_wake_in_the_order_in_which_they_are_due() {
    with_workers(|| async {
        let begin = Instant::now();
        let (tell, told) = mpsc::channel();
        let group = TaskGroup::new();
        // Far enough apart that a worker that was held up mixes none of them up.
        for place in [4_u64, 1, 3, 0, 2] {
            let (tell, due) = (tell.clone(), millis(100 * place));
            group.spawn(async move {
                sleep_until(begin + due).await;
                assert!(begin.elapsed() >= due, "early");
                tell.send(place).unwrap();
            });
        }
        group.join().await;
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        Ok(())
    });
}

#[test]
fn a_hundred_thousand_timers_expire_and_as_many_are_taken_back() {
    with_workers(|| async {
        let begin = Instant::now();
        let group = TaskGroup::new();
        for number in 0..100_000_u64 {
            group.spawn(async move {
                let due = millis(20 + number * 7 % 500);
                let never = timeout(LONG, sleep(due)).await;
                assert!(never.is_ok() && begin.elapsed() >= due);
            });
        }
        assert_eq!(group.join().await.len(), 100_000);
        Ok(())
    });
}

#[test]
fn a_timer_that_is_moved_expires_at_its_new_moment() {
    with_workers(|| async {
        let begin = Instant::now();
        let mut timer = Timer::after(LONG);
        assert!(poll_once(&mut timer).is_pending());
        timer.set_after(millis(20));
        (&mut timer).await;
        assert!(begin.elapsed() >= millis(20) && timer.is_expired());
        // And away from one that comes soon.
        timer.set_after(millis(1));
        assert!(poll_once(&mut timer).is_pending());
        timer.set_after(millis(40));
        (&mut timer).await;
        assert!(begin.elapsed() >= millis(60));
        Ok(())
    });
}

#[test]
fn a_timer_that_is_moved_nearer_interrupts_who_sleeps_for_longer() {
    watched(|| {
        let executor = executor(1);
        let (tell, told) = mpsc::channel::<()>();
        let mut far = executor.spawn(async move {
            let mut far = Timer::after(LONG);
            let mut begun = Some(tell);
            poll_fn(move |cx| {
                let polled = Pin::new(&mut far).poll(cx);
                begun.take();
                polled
            })
            .await;
        });
        // It is set, and whoever sleeps sleeps for long; or is about to, so more than once.
        assert!(told.recv().is_err());
        let mut near = Timer::after(LONG);
        for _ in 0..50 {
            near.set_after(millis(1));
            rejoin::block_on(&mut near);
        }
        far.cancel_handle().cancel();
    });
}

#[test]
fn a_timeout_ends_what_does_not_end_and_leaves_alone_what_does() {
    with_workers(|| async {
        assert_eq!(timeout(LONG, async { 7 }).await, Ok(7));
        let late = timeout(millis(5), pending::<()>()).await.unwrap_err();
        let late = std::io::Error::from(late);
        assert_eq!(late.kind(), std::io::ErrorKind::TimedOut);
        // What is ready is not too late, whatever the clock says.
        assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7));
        Ok(())
    });
}

#[test]
fn an_interval_keeps_step_and_passes_over_what_was_missed() {
    with_workers(|| async {
        let begin = Instant::now();
        let mut ticks = interval(millis(10));
        for number in 1..=3 {
            ticks.tick().await;
            assert!(begin.elapsed() >= millis(10) * number);
        }
        // Nobody looks for some time; then one tick is there at once, and one more in step.
        sleep(millis(55)).await;
        ticks.tick().await;
        let mut cx = Context::from_waker(Waker::noop());
        assert!(ticks.poll_tick(&mut cx).is_pending() || begin.elapsed() >= millis(90));
        ticks.tick().await;
        assert!(begin.elapsed() >= millis(90));
        Ok(())
    });
}

#[test]
fn moments_that_are_over_or_never_come() {
    with_workers(|| async {
        sleep(Duration::ZERO).await;
        sleep_until(Instant::now()).await;
        assert!(poll_once(sleep(Duration::MAX)).is_pending());
        assert!(poll_once(Timer::never()).is_pending());
        assert_eq!(Timer::after(Duration::MAX).deadline(), None);
        Ok(())
    });
}

#[test]
fn a_timer_moves_from_task_to_task() {
    with_workers(|| async {
        let mut timer = Timer::after(millis(30));
        assert!(poll_once(&mut timer).is_pending());
        spawn(timer).await;
        Ok(())
    });
}

#[test]
fn threads_and_other_executors_have_timers_too() {
    watched(|| {
        let begin = Instant::now();
        rejoin::block_on(sleep(millis(5)));
        futures_lite::future::block_on(sleep(millis(5)));
        assert!(begin.elapsed() >= millis(10));
    });
}

#[test]
fn in_a_simulation_a_day_takes_no_time() {
    watched(|| {
        rejoin::sim::check(0..20, || async {
            let day = Duration::from_secs(86_400);
            let late = timeout(day, pending::<()>());
            let mut ticks = interval(day / 4);
            for _ in 0..3 {
                ticks.tick().await;
            }
            let begun = rejoin::sim::now();
            assert_eq!(begun, 3 * (day / 4));
            assert!(late.await.is_err());
            assert_eq!(rejoin::sim::now(), day);
            let mut timer = pin!(Timer::after(day));
            assert!(
                poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx)))
                    .await
                    .is_pending()
            );
            timer.as_mut().await;
            assert_eq!(rejoin::sim::now(), 2 * day);
        });
    });
}
