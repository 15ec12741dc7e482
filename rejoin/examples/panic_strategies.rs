//! Watch one panic take three ways: out of the await, into the output, or nowhere. The worker lives on.

#![forbid(unsafe_code)]

use std::panic::{self, AssertUnwindSafe};

use rejoin::{Builder, Executor, PanicStrategy, block_on};

async fn fail() -> u8 {
    panic!("on purpose")
}

fn main() -> Result<(), rejoin::BuildError> {
    // The hooks tell of panics below; the standard message would only say it twice.
    panic::set_hook(Box::new(|_| ()));
    let executor = Executor::builder()
        .threads(1)
        .on_panic(|task, _| println!("[{} panics]", task.name().unwrap_or("a task")))
        .build()?;

    let propagate = Builder::new().name("propagate").on(&executor).spawn(fail());
    let caught = panic::catch_unwind(AssertUnwindSafe(|| block_on(propagate)));
    println!(
        "propagate, the default: the await panics with {:?}",
        message(caught.unwrap_err())
    );

    let join = Builder::new()
        .name("join")
        .on(&executor)
        .spawn(fail())
        .join();
    println!("the same by join: {}", block_on(join).unwrap_err());

    let result = Builder::new()
        .name("result")
        .on(&executor)
        .spawn_result(fail());
    println!(
        "result: the output is an error, {:?}",
        message(block_on(result).unwrap_err())
    );

    let ignore = Builder::new().name("ignore").on(&executor);
    let ignore = ignore.panic_strategy(PanicStrategy::Ignore).spawn(fail());
    let error = block_on(ignore.join()).unwrap_err();
    println!("ignore: the payload is gone: {:?}", error.into_panic());

    println!(
        "and the one worker says: {}",
        block_on(executor.spawn(async { "I am well" }))
    );
    Ok(())
}

fn message(payload: Box<dyn std::any::Any + Send>) -> &'static str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .unwrap_or("something that is not text")
}
