//! Why a task has no output.

use std::fmt;
use std::sync::Mutex;

use crate::contain::Payload;
use crate::join_handle::TAKEN;
use crate::task::Not;

/// Why a task has no output.
///
/// # Examples
///
/// ```
/// use rejoin::{block_on, spawn};
///
/// let error = block_on(spawn(async { panic!("{} left", 3) }).join()).unwrap_err();
/// assert_eq!(error.to_string(), "the task panicked: 3 left");
/// ```
#[derive(Debug)]
pub struct JoinError(Cause);

#[derive(Debug)]
enum Cause {
    Cancelled,
    /// With the payload, unless the strategy was to ignore it. The mutex is only there to make an
    /// error that threads may share out of a payload that they may not.
    Panicked(Option<Mutex<Payload>>),
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        Self(Cause::Cancelled)
    }

    pub(crate) fn panicked(payload: Option<Payload>) -> Self {
        Self(Cause::Panicked(payload.map(Mutex::new)))
    }

    pub(crate) fn from_reason(why: Not) -> Self {
        match why {
            Not::Panicked(payload) => Self::panicked(Some(*payload)),
            Not::Ignored => Self::panicked(None),
            Not::Cancelled => Self::cancelled(),
            Not::Taken => panic!("{TAKEN}"),
        }
    }

    /// Whether the task was cancelled before it finished, or its executor is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut handle = rejoin::spawn(std::future::pending::<()>());
    /// handle.cancel_handle().cancel();
    /// let error = rejoin::block_on(handle.join()).unwrap_err();
    /// assert!(error.is_cancelled());
    /// ```
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Cancelled)
    }

    /// Whether the task panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::spawn(async { panic!("on purpose") });
    /// let error = rejoin::block_on(handle.join()).unwrap_err();
    /// assert!(error.is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panicked(_))
    }

    /// What the task panicked with; `None` if it did not panic, or if its strategy was to ignore it.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = rejoin::spawn(async { std::panic::panic_any(7) });
    /// let error = rejoin::block_on(handle.join()).unwrap_err();
    /// assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&7));
    /// ```
    pub fn into_panic(self) -> Option<Box<dyn std::any::Any + Send>> {
        match self.0 {
            Cause::Panicked(Some(payload)) => Some(unlock(payload.into_inner()).into_inner()),
            Cause::Panicked(None) | Cause::Cancelled => None,
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Cancelled => f.write_str("the task was cancelled"),
            Cause::Panicked(payload) => {
                f.write_str("the task panicked")?;
                let Some(payload) = payload else {
                    return Ok(());
                };
                match unlock(payload.lock()).message() {
                    Some(message) => write!(f, ": {message}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn unlock<T>(locked: Result<T, std::sync::PoisonError<T>>) -> T {
    locked.unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl std::error::Error for JoinError {}
