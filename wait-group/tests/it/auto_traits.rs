//! What every public type is, whatever it holds and whichever lock was chosen.

use std::fmt::Debug;
use std::future::{Future, IntoFuture};
use std::mem::size_of;
use std::panic::{RefUnwindSafe, UnwindSafe};

use rejoin_wait_group::{Wait, WaitGroup};

fn is_ordinary<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
fn is_clone<T: Clone>() {}
fn is_error<T: std::error::Error>() {}

#[test]
fn every_public_type_may_go_anywhere() {
    is_ordinary::<WaitGroup>();
    is_ordinary::<Wait>();
    is_clone::<WaitGroup>();
    is_clone::<Wait>();
    #[cfg(feature = "std")]
    {
        is_ordinary::<rejoin_wait_group::StillRunning>();
        is_clone::<rejoin_wait_group::StillRunning>();
        is_error::<rejoin_wait_group::StillRunning>();
    }
    #[cfg(feature = "trace")]
    {
        is_ordinary::<rejoin_wait_group::Outstanding>();
        is_clone::<rejoin_wait_group::Outstanding>();
    }
    is_error::<std::io::Error>();
}

#[test]
fn futures_are_what_the_wrapped_future_allows() {
    fn is_send<T: Send + 'static>(_: T) {}
    fn is_future<T: Future<Output = ()>>() {}

    is_future::<Wait>();
    is_future::<<WaitGroup as IntoFuture>::IntoFuture>();
    let group = WaitGroup::new();
    is_send(group.track(async {}));
    is_send(group.wait().or(async {}));
}

#[test]
fn a_handle_is_eight_bytes_with_every_feature() {
    assert_eq!(size_of::<WaitGroup>(), size_of::<usize>());
    assert_eq!(size_of::<Option<WaitGroup>>(), size_of::<usize>());
    assert_eq!(size_of::<Wait>(), 4 * size_of::<usize>());
}

#[test]
fn debug_says_how_many_are_at_work() {
    let group = WaitGroup::new();
    let worker = group.clone();
    assert_eq!(format!("{group:?}"), "WaitGroup { workers: 2 }");
    assert_eq!(format!("{:?}", group.wait()), "Wait { workers: 1 }");
    drop(worker);
}
