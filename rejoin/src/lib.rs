//! A work-stealing executor in entirely safe code.
