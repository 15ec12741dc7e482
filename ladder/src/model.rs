//! Model-checking tests of the parts that have an ordering in them: `cargo xtask model` runs them.

mod v1;
