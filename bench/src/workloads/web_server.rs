//! async-executor's mixed row: a server, its requests, and one database behind a channel.

use super::{Family, Row};
use crate::peers::Peer;
use crate::session::Session;
use async_channel::{Receiver, Sender};
use fastrand::Rng;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub(super) const ROWS: &[Row] = &[Row::new(
    "async-executor/web_server",
    Family::Wake,
    general!(web_server),
    "300 detached requests, half of which ask one database task 150 to 300 times each; everybody yields at random",
)];

type Question = Sender<usize>;

fn web_server<P: Peer>(session: &mut Session) {
    let (requests, steps) = session.pick((300, 300), (10, 10));
    session.time(requests, || {
        let asked = Arc::new(AtomicUsize::new(0));
        let answered = P::block_on(async {
            let (questions, database_inbox) = async_channel::bounded(requests / 5);
            let mut database_rng = Rng::with_seed(0x1234_5678);
            let server_rng = database_rng.fork();
            let database = P::spawn(database::<P>(database_inbox, database_rng));
            let shared = Server {
                questions,
                asked: Arc::clone(&asked),
                steps,
            };
            P::spawn(server::<P>(shared, requests, server_rng)).await;
            database.await
        });
        assert_eq!(answered, asked.load(Relaxed));
        assert!(answered > 0);
    });
}

#[derive(Clone)]
struct Server {
    questions: Sender<Question>,
    asked: Arc<AtomicUsize>,
    steps: usize,
}

/// Answers until the last request is gone; how many answers it gave.
async fn database<P: Peer>(inbox: Receiver<Question>, mut rng: Rng) -> usize {
    let mut answered = 0;
    while let Ok(question) = inbox.recv().await {
        for _ in 0..rng.usize(..10) {
            P::yield_now().await;
        }
        question
            .send(rng.usize(..))
            .await
            .expect("the request waits");
        answered += 1;
    }
    answered
}

async fn server<P: Peer>(shared: Server, requests: usize, mut rng: Rng) {
    for number in 0..requests {
        if rng.usize(..=16) == 16 {
            P::yield_now().await;
        }
        P::detach(request::<P>(shared.clone(), rng.fork()));
        if number & 16 == 0 {
            P::yield_now().await;
        }
    }
}

async fn request<P: Peer>(shared: Server, mut rng: Rng) {
    if rng.bool() {
        // The answer was in a cache.
        P::yield_now().await;
        return;
    }
    for _ in 0..rng.usize(shared.steps / 2..shared.steps) {
        let (question, answer) = async_channel::bounded(1);
        shared
            .questions
            .send(question)
            .await
            .expect("the database listens");
        shared.asked.fetch_add(1, Relaxed);
        black_box(answer.recv().await.expect("the database answers"));
    }
    for _ in 0..rng.usize(3..16) {
        P::yield_now().await;
    }
}
