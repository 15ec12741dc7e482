//! Finds the files below a directory, in the bytewise order of their paths.
//!
//! That is the order of `find -L DIR -type f | LC_ALL=C sort`, so the two can be compared line by line.

use std::cmp::Ordering;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, Error, WalkDir};

/// A path, and whether there is a file.
pub(crate) type Found = (PathBuf, Result<(), Not>);

/// Why a path has no line.
pub(crate) enum Not {
    /// It is something that has no content to hash, such as a fifo.
    Special(&'static str),
    /// It could not be read, for this reason.
    Lost(String),
}

impl From<io::Error> for Not {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

pub(crate) fn walk(root: &Path) -> impl Iterator<Item = Found> + Send + use<> {
    WalkDir::new(root)
        .follow_links(true)
        .sort_by(by_path)
        .into_iter()
        .filter_map(|entry| match entry {
            Ok(entry) if entry.file_type().is_dir() => None,
            Ok(entry) if entry.file_type().is_file() => Some((entry.into_path(), Ok(()))),
            Ok(entry) => {
                let kind = kind(entry.file_type());
                Some((entry.into_path(), Err(Not::Special(kind))))
            }
            Err(error) => Some(lost(error)),
        })
}

/// Orders the entries of one directory such that the walk meets all paths in their bytewise order: a
/// directory counts as its name and a slash.
fn by_path(left: &DirEntry, right: &DirEntry) -> Ordering {
    let left_name = left.file_name().as_encoded_bytes();
    let right_name = right.file_name().as_encoded_bytes();
    let common = left_name.len().min(right_name.len());
    left_name[..common]
        .cmp(&right_name[..common])
        .then_with(|| byte_at(left, common).cmp(&byte_at(right, common)))
}

fn byte_at(entry: &DirEntry, index: usize) -> Option<u8> {
    let byte = entry.file_name().as_encoded_bytes().get(index).copied();
    byte.or_else(|| is_dir(entry).then_some(b'/'))
}

/// Whether the walk will go down here. (It follows a link only after it has sorted.)
fn is_dir(entry: &DirEntry) -> bool {
    entry.file_type().is_dir() || (entry.path_is_symlink() && entry.path().is_dir())
}

fn lost(error: Error) -> Found {
    let path = error.path().unwrap_or(Path::new("")).to_path_buf();
    let why = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("a directory loop: leads back to {ancestor:?}"),
        (None, Some(io)) if io.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            String::from("a dangling link")
        }
        (None, Some(io)) => io.to_string(),
        (None, None) => error.to_string(),
    };
    (path, Err(Not::Lost(why)))
}

#[cfg(unix)]
fn kind(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;

    if kind.is_fifo() {
        "a fifo"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: FileType) -> &'static str {
    "not a plain file"
}
