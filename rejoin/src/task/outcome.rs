//! What a task leaves behind for its handle.

use std::thread;

use super::PanicStrategy;
use crate::contain::{Payload, bounce};

/// What a task leaves behind. Dropping it is contained, and takes a bounded stack.
#[derive(Debug)]
pub(crate) struct Outcome<R>(Inner<R>);

#[derive(Debug)]
enum Inner<R> {
    /// The output, and how to drop it: the type of a handle does not say that it may be put aside.
    Ready(R, fn(R)),
    Not(Not),
}

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum Not {
    Panicked(Box<Payload>),
    Ignored,
    Cancelled,
    Taken,
}

impl<R> Outcome<R> {
    pub(crate) fn ready(output: R) -> Self
    where
        R: 'static,
    {
        Self(Inner::Ready(output, drop_in_turn))
    }

    pub(crate) fn not(why: Not) -> Self {
        Self(Inner::Not(why))
    }

    /// Takes the output out; if there is none, says why.
    pub(crate) fn into_result(mut self) -> Result<R, Not> {
        match std::mem::replace(&mut self.0, Inner::Not(Not::Taken)) {
            Inner::Ready(output, _) => Ok(output),
            Inner::Not(why) => Err(why),
        }
    }
}

impl<R> Drop for Outcome<R> {
    fn drop(&mut self) {
        if !std::mem::needs_drop::<R>() {
            return;
        }
        if let Inner::Ready(output, drop_output) =
            std::mem::replace(&mut self.0, Inner::Not(Not::Taken))
        {
            drop_output(output);
        }
    }
}

pub(super) fn drop_in_turn<R: 'static>(output: R) {
    if std::mem::needs_drop::<R>() {
        bounce(move || drop(output));
    }
}

/// What a handle gives for what became of the future.
pub(crate) trait Strategy<R>: Copy + 'static {
    /// The output of the handle.
    type Output: 'static;

    fn ready(&self, output: R) -> Outcome<Self::Output>;

    fn panicked(&self, payload: Payload) -> Outcome<Self::Output>;
}

impl<R: 'static> Strategy<R> for PanicStrategy {
    type Output = R;

    fn ready(&self, output: R) -> Outcome<R> {
        Outcome::ready(output)
    }

    fn panicked(&self, payload: Payload) -> Outcome<R> {
        match self {
            Self::Propagate => Outcome::not(Not::Panicked(Box::new(payload))),
            Self::Ignore => Outcome::not(Not::Ignored),
        }
    }
}

/// Hands a panic out as part of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsResult;

impl<R: 'static> Strategy<R> for AsResult {
    type Output = thread::Result<R>;

    fn ready(&self, output: R) -> Outcome<thread::Result<R>> {
        Outcome::ready(Ok(output))
    }

    fn panicked(&self, payload: Payload) -> Outcome<thread::Result<R>> {
        Outcome::ready(Err(payload.into_inner()))
    }
}
