//! A socket and what is known of it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::reactor::reactor;
use crate::source::{Direction, Ready, Source};

/// A socket that the poller looks after until it is dropped. `S` is one of mio's.
#[derive(Debug)]
pub(crate) struct Io<S> {
    socket: S,
    source: Arc<Source>,
    token: usize,
}

impl<S: mio::event::Source> Io<S> {
    /// Registers `socket`, which is taken to be `ready` at first.
    pub(crate) fn new(mut socket: S, ready: Ready) -> io::Result<Self> {
        let (source, token) = reactor()?.register(&mut socket, ready)?;
        Ok(Self {
            socket,
            source,
            token,
        })
    }
}

impl<S> Io<S> {
    pub(crate) fn get(&self) -> &S {
        &self.socket
    }

    /// Does `operation` as soon as it does not block, for any number of tasks.
    pub(crate) async fn run<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let never = |_: &R| false;
        self.source
            .io(direction, never, || operation(&self.socket))
            .await
    }

    /// The same for an operation that moves up to `len` bytes of a stream.
    pub(crate) async fn run_some(
        &self,
        direction: Direction,
        len: usize,
        mut operation: impl FnMut(&S) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let is_all = |&moved: &usize| 0 < moved && moved < len;
        self.source
            .io(direction, is_all, || operation(&self.socket))
            .await
    }

    /// The same for one task at a time, in the manner of `poll` functions.
    pub(crate) fn poll_some(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        len: usize,
        mut operation: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let is_all = |&moved: &usize| 0 < moved && moved < len;
        self.source
            .poll_io(cx, direction, is_all, || operation(&self.socket))
    }

    /// Waits until an operation in this direction would not block, as far as is known.
    pub(crate) async fn ready(&self, direction: Direction) {
        self.source.wait(direction, None).await;
    }

    /// Waits for one event in this direction after another, until `done` gives something.
    pub(crate) async fn until<R>(
        &self,
        direction: Direction,
        done: impl Fn(&S) -> io::Result<Option<R>>,
    ) -> io::Result<R> {
        let mut in_vain = None;
        loop {
            let seen = self.source.wait(direction, in_vain).await;
            if let Some(result) = done(&self.socket)? {
                return Ok(result);
            }
            in_vain = Some(seen);
        }
    }
}

impl<S> Drop for Io<S> {
    fn drop(&mut self) {
        if let Ok(reactor) = reactor() {
            reactor.forget(self.token);
        }
    }
}
