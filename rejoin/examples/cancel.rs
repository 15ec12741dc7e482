//! Watch when each future is dropped: a cancel takes effect at the call, a detach never.

#![forbid(unsafe_code)]

use std::future::pending;

use rejoin::{block_on, spawn};

/// Says so when it is dropped.
struct Guard(&'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        println!("  {} is dropped", self.0);
    }
}

/// Never ready by itself.
async fn wait_forever(guard: Guard) {
    let _guard = guard;
    pending().await
}

fn main() {
    block_on(async {
        println!("cancel, and wait until the future is gone:");
        let stuck = spawn(wait_forever(Guard("stuck")));
        println!("  output: {:?}", stuck.cancel().await);

        println!("cancel what has finished: the output is still there.");
        let done = spawn(async { 42 });
        while !done.is_finished() {
            rejoin::yield_now().await;
        }
        println!("  output: {:?}", done.cancel().await);

        println!("cancel from elsewhere, and learn of it by join:");
        let mut shared = spawn(wait_forever(Guard("shared")));
        let stop = shared.cancel_handle();
        std::thread::spawn(move || stop.cancel());
        println!("  {}", shared.join().await.unwrap_err());

        println!("drop the handle: the task goes on alone.");
        let (tell, told) = async_channel::bounded(1);
        drop(spawn(async move {
            let _guard = Guard("detached, at its end,");
            tell.send("still here").await
        }));
        println!("  it says: {:?}", told.recv().await);
        // Closed once the future is gone, and the guard with it.
        let _ = told.recv().await;
    });
}
