//! A file that is being read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(crate) struct Source {
    file: File,
    /// How long the file was when it was opened.
    pub(crate) length: u64,
    /// How much has been read.
    position: u64,
}

impl Source {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            length,
            position: 0,
        })
    }

    /// Reads until `space` is full or the file ends, and says how much that was: the file has ended if
    /// it is less than `space`.
    ///
    /// Like `sha256sum`, takes a file that grows meanwhile as it is found. One that shrinks is an error.
    pub(crate) fn fill(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < space.len() {
            match self.file.read(&mut space[filled..]) {
                Ok(0) => {
                    self.position += filled as u64;
                    self.check()?;
                    return Ok(filled);
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += filled as u64;
        Ok(filled)
    }

    /// At the end of the file: that it has not become shorter since it was opened. (A file that never
    /// was as long as it said is one of the kernel's own.)
    fn check(&self) -> io::Result<()> {
        if self.position < self.length && self.file.metadata()?.len() < self.length {
            return Err(io::Error::other("became shorter while it was read"));
        }
        Ok(())
    }
}
