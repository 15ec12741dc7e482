//! Walks a web of pages, four at a time: each page spawns the pages it links to into its own group.
//!
//! What to watch: a page that finds no place does not wait for one, so pages cannot wait for each other in a
//! circle; and `join` returns when the last page that anybody found has been read.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use rejoin::{GroupHandle, TaskGroup, block_on, yield_now};

const PAGES: u32 = 1_000;

/// What stands on a page: the numbers of others. A real walk would ask a server here.
async fn fetch(page: u32) -> Vec<u32> {
    yield_now().await;
    (1..=3).map(|link| (page * 7 + link * 13) % PAGES).collect()
}

struct Walk {
    found: Mutex<HashSet<u32>>,
    at_once: AtomicUsize,
    most: AtomicUsize,
    group: GroupHandle<usize>,
}

/// Reads a page, and gives the number of its links.
#[allow(
    clippy::manual_async_fn,
    reason = "a task that spawns its own kind is Send only where the signature says so"
)]
fn visit(page: u32, walk: Arc<Walk>) -> impl Future<Output = usize> + Send {
    async move {
        walk.most
            .fetch_max(walk.at_once.fetch_add(1, Relaxed) + 1, Relaxed);
        let links = fetch(page).await;
        for &link in &links {
            let is_new = walk.found.lock().unwrap().insert(link);
            if is_new {
                walk.group.spawn(visit(link, Arc::clone(&walk)));
            }
        }
        walk.at_once.fetch_sub(1, Relaxed);
        links.len()
    }
}

fn main() {
    let group = TaskGroup::new().limit(4);
    let walk = Arc::new(Walk {
        found: Mutex::new(HashSet::from([1])),
        at_once: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        group: group.handle(),
    });
    group.spawn(visit(1, Arc::clone(&walk)));

    let links = block_on(group.join());
    let found = walk.found.lock().unwrap().len();
    assert_eq!(links.len(), found);
    assert!(walk.most.load(Relaxed) <= 4);
    println!("{found} pages, {} links", links.iter().sum::<usize>());
}
