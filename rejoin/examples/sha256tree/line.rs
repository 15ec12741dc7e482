//! A line as `sha256sum` prints it.

use std::path::Path;

/// Appends the line of `path` to `text`.
///
/// A name with a backslash, a newline or a carriage return in it is escaped, and the line then begins
/// with a backslash. All other bytes stay as they are.
pub(crate) fn push(text: &mut Vec<u8>, digest: &[u8; 32], path: &Path) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    let name = path.as_os_str().as_encoded_bytes();
    let escaped = name.iter().any(|byte| escape(*byte).is_some());
    if escaped {
        text.push(b'\\');
    }
    for byte in digest {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text.extend_from_slice(b"  ");
    if escaped {
        for byte in name {
            match escape(*byte) {
                Some(letter) => text.extend_from_slice(&[b'\\', letter]),
                None => text.push(*byte),
            }
        }
    } else {
        text.extend_from_slice(name);
    }
    text.push(b'\n');
}

/// What stands behind the backslash for `byte`, if it is escaped.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'\\' => Some(b'\\'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        _ => None,
    }
}
