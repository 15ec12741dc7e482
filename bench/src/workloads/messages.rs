//! tachyobench: message passing through tachyonix channels, the cheapest of those it compares, so
//! that the executor is what weighs. As there, the channels are made before the clock starts.

use super::{Family, Row};
use crate::peers::Messages;
use crate::session::Session;
use fastrand::Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use tachyonix::{Receiver, Sender};

const PINBALL: &str = "61 complete graphs of 13 nodes; so many balls in each go from node to node at random, 1,000 hops a graph in all (the public row has 1,000,000)";
const FUNNEL: &str = "61 channels with so many places, each with 13 senders and one receiver, 1,300 messages a channel (the public row has 1,000,000)";

pub(super) const ROWS: &[Row] = &[
    pinball_row("tachyobench/pinball/1", 1),
    pinball_row("tachyobench/pinball/3", 3).extra(),
    pinball_row("tachyobench/pinball/7", 7).extra(),
    pinball_row("tachyobench/pinball/17", 17),
    pinball_row("tachyobench/pinball/41", 41).extra(),
    pinball_row("tachyobench/pinball/101", 101).extra(),
    pinball_row("tachyobench/pinball/241", 241),
    funnel_row("tachyobench/funnel/1", 1),
    funnel_row("tachyobench/funnel/10", 10).extra(),
    funnel_row("tachyobench/funnel/100", 100),
    funnel_row("tachyobench/funnel/1000", 1_000),
    funnel_row("tachyobench/funnel/10000", 10_000).extra(),
];

const fn pinball_row(name: &'static str, balls: usize) -> Row {
    Row::new(name, Family::Wake, messages!(pinball), PINBALL)
        .needs(&[])
        .parameter(balls)
}

const fn funnel_row(name: &'static str, capacity: usize) -> Row {
    Row::new(name, Family::Wake, messages!(funnel), FUNNEL)
        .needs(&[])
        .parameter(capacity)
}

const NODES: usize = 13;

/// What the tasks of one graph share.
struct Graph {
    balls: usize,
    hops_per_ball: usize,
    halted: AtomicUsize,
    hops: Arc<AtomicUsize>,
}

/// Tells a node to stop.
const WIND_DOWN: usize = usize::MAX;

fn pinball<M: Messages>(session: &mut Session) {
    let balls = session.parameter();
    let (graphs, hops) = session.pick((61, 1_000), (3, 250));
    let hops_per_ball = hops / balls;
    let expected = graphs * hops_per_ball * balls;
    session.time_part(expected, || {
        let counted = Arc::new(AtomicUsize::new(0));
        let mut futures = Vec::with_capacity(graphs * NODES);
        for number in 0..graphs {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..NODES).map(|_| tachyonix::channel(balls)).unzip();
            let graph = Arc::new(Graph {
                balls,
                hops_per_ball,
                halted: AtomicUsize::new(0),
                hops: Arc::clone(&counted),
            });
            for (place, receiver) in receivers.into_iter().enumerate() {
                let rng = Rng::with_seed((number + graphs * place) as u64);
                futures.push(node(
                    Arc::clone(&graph),
                    place,
                    senders.clone(),
                    receiver,
                    rng,
                ));
            }
        }
        let start = Instant::now();
        M::run_all(futures);
        let took = start.elapsed();
        assert_eq!(counted.load(Relaxed), expected);
        took
    });
}

async fn node(
    graph: Arc<Graph>,
    place: usize,
    mut senders: Vec<Sender<usize>>,
    mut receiver: Receiver<usize>,
    mut rng: Rng,
) {
    let own = senders.swap_remove(place);
    let others = senders;
    // The balls begin as evenly spread as they can be.
    let first = graph.balls / NODES + usize::from(place < graph.balls % NODES);
    for _ in 0..first {
        own.send(0)
            .await
            .expect("the channel has room for every ball");
    }
    let mut hops = 0;
    while let Ok(path) = receiver.recv().await {
        if path == WIND_DOWN {
            break;
        }
        hops += 1;
        if path + 1 < graph.hops_per_ball {
            let target = &others[rng.usize(..others.len())];
            target
                .send(path + 1)
                .await
                .expect("nodes stop after the last ball");
        } else if graph.halted.fetch_add(1, Relaxed) + 1 == graph.balls {
            for other in &others {
                other
                    .send(WIND_DOWN)
                    .await
                    .expect("nodes stop after the last ball");
            }
            break;
        }
    }
    graph.hops.fetch_add(hops, Relaxed);
}

fn funnel<M: Messages>(session: &mut Session) {
    const SENDERS: usize = 13;
    let capacity = session.parameter();
    let (channels, per_sender) = session.pick((61, 100), (3, 10));
    let expected = channels * SENDERS * per_sender;
    session.time_part(expected, || {
        let counted = Arc::new(AtomicUsize::new(0));
        let mut futures = Vec::with_capacity(channels * (SENDERS + 1));
        for _ in 0..channels {
            let (sender, receiver) = tachyonix::channel(capacity);
            for _ in 0..SENDERS {
                futures.push(FunnelEnd::Sender(sender.clone(), per_sender));
            }
            let counted = Arc::clone(&counted);
            futures.push(FunnelEnd::Receiver(receiver, SENDERS * per_sender, counted));
        }
        let futures = futures.into_iter().map(FunnelEnd::run).collect();
        let start = Instant::now();
        M::run_all(futures);
        let took = start.elapsed();
        assert_eq!(counted.load(Relaxed), expected);
        took
    });
}

/// Either side of a funnel, so that both have one type of future.
enum FunnelEnd {
    Sender(Sender<usize>, usize),
    Receiver(Receiver<usize>, usize, Arc<AtomicUsize>),
}

impl FunnelEnd {
    async fn run(self) {
        match self {
            FunnelEnd::Sender(sender, messages) => {
                for message in 0..messages {
                    sender
                        .send(message)
                        .await
                        .expect("the receiver takes them all");
                }
            }
            FunnelEnd::Receiver(mut receiver, messages, counted) => {
                for _ in 0..messages {
                    receiver.recv().await.expect("every message is sent");
                }
                counted.fetch_add(messages, Relaxed);
            }
        }
    }
}
