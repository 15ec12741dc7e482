//! `futures_task::Spawn` for those who are generic over executors.

use futures_task::{FutureObj, Spawn, SpawnError};

use crate::executor::{Executor, Spawner};

/// Spawns a detached task; fails never.
///
/// # Examples
///
/// ```
/// use futures_task::{FutureObj, Spawn};
///
/// let executor = rejoin::Executor::new()?;
/// let (tell, told) = std::sync::mpsc::channel();
/// let future = async move { tell.send("done").unwrap() };
/// executor.spawn_obj(FutureObj::from(Box::pin(future) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>)).unwrap();
/// assert_eq!(told.recv(), Ok("done"));
/// # Ok::<(), rejoin::BuildError>(())
/// ```
impl Spawn for Executor {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.spawn(future).detach();
        Ok(())
    }
}

/// Spawns a detached task; fails if the executor is gone.
///
/// # Examples
///
/// ```
/// use futures_task::Spawn;
///
/// let spawner = rejoin::Executor::new()?.spawner();
/// assert!(spawner.status().unwrap_err().is_shutdown());
/// # Ok::<(), rejoin::BuildError>(())
/// ```
impl Spawn for Spawner {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        match self.spawn(future) {
            Ok(handle) => {
                handle.detach();
                Ok(())
            }
            Err(_) => Err(SpawnError::shutdown()),
        }
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.is_alive() {
            Ok(())
        } else {
            Err(SpawnError::shutdown())
        }
    }
}
