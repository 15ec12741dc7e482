//! Which type is Send, Sync, Unpin, UnwindSafe and RefUnwindSafe: a table checked by the compiler.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

// The glob brings `rejoin::test` along; this one is meant.
use core::prelude::v1::test;

use rejoin::*;

/// Neither of the five, and no `Debug`.
struct Poor {
    _not_send: Rc<Cell<u8>>,
    _not_unpin: std::marker::PhantomPinned,
    _not_unwind_safe: std::marker::PhantomData<&'static mut u8>,
}

/// Send, and nothing else.
struct OnlySend {
    _not_sync: Cell<u8>,
    _not_unpin: std::marker::PhantomPinned,
    _not_unwind_safe: std::marker::PhantomData<&'static mut u8>,
}

/// `yes` if the type implements the trait: an inherent function shadows the one of the trait.
macro_rules! implements {
    ($type:ty: $trait:ident) => {{
        #[allow(dead_code, reason = "one of the two is never named")]
        trait No {
            const IMPLEMENTS: bool = false;
        }
        impl<T: ?Sized> No for T {}
        #[allow(dead_code, reason = "one of the two is never named")]
        struct Ask<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "one of the two is never named")]
        impl<T: ?Sized + $trait> Ask<T> {
            const IMPLEMENTS: bool = true;
        }
        <Ask<$type>>::IMPLEMENTS
    }};
}

macro_rules! table {
    ($($type:ty: $send:literal $sync:literal $unpin:literal $unwind:literal $ref_unwind:literal;)*) => {$(
        const _: () = assert!(implements!($type: Send) == ($send == 1));
        const _: () = assert!(implements!($type: Sync) == ($sync == 1));
        const _: () = assert!(implements!($type: Unpin) == ($unpin == 1));
        const _: () = assert!(implements!($type: UnwindSafe) == ($unwind == 1));
        const _: () = assert!(implements!($type: RefUnwindSafe) == ($ref_unwind == 1));
        const _: fn() = || { fn debug<T: Debug>() {} debug::<$type>(); };
    )*};
}

// The canary: a table that cannot say no would be decoration.
const _: () =
    assert!(!implements!(Poor: Send) && !implements!(Poor: Sync) && !implements!(Poor: Unpin));
const _: () = assert!(implements!(OnlySend: Send) && !implements!(OnlySend: UnwindSafe));

table! {
    // type                  Send Sync Unpin UnwindSafe RefUnwindSafe
    TaskGroup<u8>:              1 1 1 1 1;
    TaskGroup<OnlySend>:        1 1 1 1 1;
    GroupHandle<OnlySend>:      1 1 1 1 1;
    Late:                       1 1 1 1 1;
    TrySpawnError<u8>:          1 1 1 1 1;
    JoinHandle<u8>:             1 1 1 1 1;
    JoinHandle<OnlySend>:       1 1 1 1 1;
    Join<OnlySend>:             1 1 1 1 1;
    Cancel<OnlySend>:           1 0 1 1 1;
    CancelHandle:               1 1 1 1 1;
    JoinError:                  1 1 1 1 1;
    Executor:                   1 1 1 1 1;
    Report:                     1 1 1 1 1;
    Stuck:                      1 1 1 1 1;
    Effort:                     1 1 1 1 1;
    UnknownEffort:              1 1 1 1 1;
    ExecutorBuilder:            1 1 1 0 0;
    BuildError:                 1 1 1 0 0;
    Spawner:                    1 1 1 1 1;
    SpawnError:                 1 1 1 1 1;
    Builder:                    1 1 1 1 1;
    Target:                     1 1 1 1 1;
    TaskId:                     1 1 1 1 1;
    TaskInfo:                   1 1 1 1 1;
    Finish:                     1 1 1 1 1;
    PanicStrategy:              1 1 1 1 1;
    YieldNow:                   1 1 1 1 1;
    ConsumeBudget:              1 1 1 1 1;
    LocalExecutor:              0 0 1 1 1;
    LocalHandle<Poor>:          0 0 1 1 1;
    LocalJoin<u8>:              0 0 1 1 1;
    LocalCancel<u8>:            0 0 1 1 1;
    TaskLocal<OnlySend>:        1 1 1 1 1;
    Scoped<YieldNow>:           1 1 1 0 0;
}

#[test]
fn the_table_compiles() {
    // Everything is checked when this file is built; without any test nobody would see it listed.
}
