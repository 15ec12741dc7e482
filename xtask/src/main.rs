//! The project's helper commands.
fn main() {}
