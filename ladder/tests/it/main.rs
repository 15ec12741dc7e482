//! One suite for all steps: what each promises, and what it could not do yet.

#![forbid(unsafe_code)]

mod support;
mod promises;
mod panics;
mod differences;
mod block_on;
mod wait_group;
mod files;

// The tests of the executor itself have it too.
#[allow(
    dead_code,
    reason = "its steps are for tests that wait for several things"
)]
#[path = "../../../rejoin/tests/it/watchdog.rs"]
mod watchdog;

/// Makes a test of each of these functions, generic over the step.
macro_rules! tests {
    ($step:ident: $($module:ident::$name:ident)+) => {
        $(
            #[test]
            fn $name() {
                let what = concat!(stringify!($step), ", ", stringify!($name));
                let _watchdog = crate::watchdog::watchdog(what);
                crate::$module::$name::<crate::support::$step>();
            }
        )+
    };
}

/// What every step promises.
macro_rules! keeps_its_promises {
    ($step:ident) => {
        tests! { $step:
            promises::the_output_of_a_task_arrives
            promises::tasks_spawn_tasks_and_await_them
            promises::dropping_the_handle_lets_the_task_finish
            promises::a_task_that_waits_is_woken_from_another_thread
            promises::a_task_that_wakes_itself_is_polled_again
            promises::many_wakes_before_a_poll_are_one_poll
            promises::a_finished_task_is_not_polled_again
            promises::one_thread_at_a_time_polls_a_task
            promises::what_was_written_before_a_wake_is_seen_by_a_poll
            promises::a_task_from_outside_runs_beside_tasks_that_yield_for_ever
            promises::what_lies_behind_a_slow_poll_runs_elsewhere
        }
    };
}

/// From v3 on.
macro_rules! cancels {
    ($step:ident) => {
        tests! { $step: promises::cancelling_drops_the_future }
    };
}

/// Before v4.
macro_rules! loses_its_worker {
    ($step:ident) => {
        tests! { $step: panics::a_panic_ends_the_worker_and_the_awaiter_hears_of_it }
    };
}

/// From v4 on.
macro_rules! survives {
    ($step:ident) => {
        tests! { $step: panics::a_panic_goes_on_in_the_awaiter_and_the_worker_lives }
    };
}

/// Before v5.
macro_rules! goes_through_one_queue {
    ($step:ident) => {
        tests! { $step: differences::every_spawn_and_wake_goes_through_one_queue }
    };
}

/// From v5 on; rejoin does not count.
macro_rules! stays_on_its_worker {
    ($step:ident) => {
        tests! { $step: differences::what_a_task_spawns_stays_on_its_worker }
    };
}

/// v1, and rejoin at last again.
macro_rules! remembers {
    ($step:ident) => {
        tests! { $step: differences::a_future_that_nobody_can_wake_is_not_lost }
    };
}

/// What lies between them.
macro_rules! forgets {
    ($step:ident) => {
        tests! { $step: differences::a_future_that_nobody_can_wake_is_forgotten }
    };
}

/// Every step, and rejoin at the top: which of the above is so.
macro_rules! steps {
    ($($step:ident: $($what:ident)+;)+) => {
        $(mod $step {
            $($what!($step);)+
        })+
    };
}

steps! {
    v1: keeps_its_promises loses_its_worker goes_through_one_queue remembers;
    v2: keeps_its_promises loses_its_worker goes_through_one_queue forgets;
    v3: keeps_its_promises cancels loses_its_worker goes_through_one_queue forgets;
    v4: keeps_its_promises cancels survives goes_through_one_queue forgets;
    v5: keeps_its_promises cancels survives stays_on_its_worker forgets;
    rejoin: keeps_its_promises cancels survives remembers;
}
