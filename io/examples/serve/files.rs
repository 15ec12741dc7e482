//! What lies under a path, and a file as the body of an answer.
//!
//! Nothing outside of the root is ever found, whatever the path says and wherever links lead.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rejoin::{JoinHandle, spawn_blocking};

/// How much of a file is read at a time: what waits for a slow client in memory.
const CHUNK: u64 = 64 * 1024;

/// What lies under a path.
pub(crate) enum Found {
    File(FileBody, &'static str),
    /// A directory, as a page.
    Listing(String),
    /// The same with a slash at the end.
    Elsewhere(String),
    Nothing,
    Forbidden,
    Broken(io::Error),
}

/// Looks for what `path`, percent-encoded, names under `root`.
pub(crate) async fn find(root: &Path, path: &str) -> Found {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let Some(under) = under(root, Path::new(OsStr::from_bytes(&decoded))) else {
        return Found::Nothing;
    };
    let (root, asked) = (root.to_owned(), path.to_owned());
    let found = spawn_blocking(move || look(&root, &under, &asked)).await;
    found.unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => Found::Nothing,
        ErrorKind::PermissionDenied => Found::Forbidden,
        _ => Found::Broken(error),
    })
}

/// The path on disk, unless it climbs.
fn under(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut under = root.to_owned();
    for component in path.components() {
        match component {
            Component::Normal(name) => under.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(under)
}

fn look(root: &Path, under: &Path, asked: &str) -> io::Result<Found> {
    // Links are followed as far as they stay inside.
    let place = under.canonicalize()?;
    if !place.starts_with(root) {
        return Ok(Found::Nothing);
    }
    let meta = place.metadata()?;
    if meta.is_dir() {
        if !asked.ends_with('/') {
            return Ok(Found::Elsewhere(format!("{asked}/")));
        }
        let index = place.join("index.html");
        if !index.is_file() {
            return listing(&place, asked).map(Found::Listing);
        }
        return look(root, &index, "");
    }
    if !meta.is_file() || asked.ends_with('/') {
        return Ok(Found::Nothing);
    }
    let kind = kind_of(&place);
    Ok(Found::File(
        FileBody::new(File::open(place)?, meta.len()),
        kind,
    ))
}

fn kind_of(path: &Path) -> &'static str {
    match path.extension().and_then(OsStr::to_str) {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("txt" | "md" | "rs" | "toml" | "lock") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn listing(directory: &Path, asked: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        names.push((entry.file_name(), slash));
    }
    names.sort();
    let title = text(&percent_decode_str(asked).decode_utf8_lossy());
    let mut page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><ul>\n"
    );
    for (name, slash) in names {
        let link = percent_encode(name.as_bytes(), NON_ALPHANUMERIC);
        let shown = text(&name.to_string_lossy());
        page += &format!("<li><a href=\"{link}{slash}\">{shown}{slash}</a>\n");
    }
    Ok(page + "</ul>\n")
}

/// As text in HTML.
fn text(plain: &str) -> String {
    plain
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The bytes of a file, read while they are sent: one chunk ahead, by a thread that may block.
pub(crate) struct FileBody {
    left: u64,
    /// The file, and what was read of it last.
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
}

impl FileBody {
    fn new(file: File, len: u64) -> Self {
        let mut body = Self {
            left: len,
            reading: None,
        };
        body.read_on(file);
        body
    }

    fn read_on(&mut self, file: File) {
        let len = self.left.min(CHUNK);
        self.reading = (len > 0).then(|| {
            spawn_blocking(move || {
                let mut bytes = Vec::new();
                (&file).take(len).read_to_end(&mut bytes)?;
                Ok((file, bytes.into()))
            })
        });
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(reading) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let Poll::Ready(read) = Future::poll(Pin::new(reading), cx) else {
            return Poll::Pending;
        };
        self.reading = None;
        let (file, bytes) = read?;
        if bytes.is_empty() {
            // The promised length cannot be kept.
            return Poll::Ready(Some(Err(ErrorKind::UnexpectedEof.into())));
        }
        self.left -= bytes.len() as u64;
        self.read_on(file);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
