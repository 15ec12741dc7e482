//! Watch an executor of one's own: its threads start, work apart from the rest, and end with its owner.

#![forbid(unsafe_code)]

use std::future::pending;

use rejoin::{Executor, block_on, spawn};

fn main() -> Result<(), rejoin::BuildError> {
    let executor = Executor::builder()
        .threads(2)
        .thread_name(|index| format!("crunch-{index}"))
        .stack_size(256 * 1024)
        .on_thread_start(|index| println!("[thread {index} starts]"))
        .on_thread_stop(|index| println!("[thread {index} stops]"))
        .build()?;

    let there = executor.spawn(async {
        // Inside a task, a plain spawn means the executor of that task.
        let child = spawn(async { thread_name() });
        format!("{} and {}", thread_name(), child.await)
    });
    println!("there: {}", block_on(there));
    println!("here: {}", block_on(spawn(async { thread_name() })));

    let spawner = executor.spawner();
    let stuck = executor.spawn(pending::<()>());
    drop(executor);
    println!("what it left: {}", block_on(stuck.join()).unwrap_err());
    println!("a late spawn: {}", spawner.spawn(async {}).unwrap_err());
    Ok(())
}

fn thread_name() -> String {
    std::thread::current()
        .name()
        .unwrap_or("a thread without a name")
        .into()
}
