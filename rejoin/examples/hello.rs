//! Watch which thread runs what: `main` only waits, the workers do the rest.

#![forbid(unsafe_code)]

use rejoin::{block_on, spawn};

fn main() {
    block_on(async {
        let hello = spawn(async { format!("hello from {}", thread_name()) });
        let answer = spawn(async {
            // A task may spawn tasks, and await them like any other future.
            let six = spawn(async { 6 });
            let seven = spawn(async { 7 });
            six.await * seven.await
        });
        println!("{}", hello.await);
        println!("the answer is {}, says {}", answer.await, thread_name());
    });
}

fn thread_name() -> String {
    std::thread::current()
        .name()
        .unwrap_or("a thread without a name")
        .into()
}
