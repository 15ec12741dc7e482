//! The attributes, which another crate must define, and their documentation, which needs this one.

/// Runs an async `main` by [`block_on`](crate::block_on), so that [`spawn`](crate::spawn) in it means the global
/// executor.
///
/// `main` itself runs on the main thread. When it returns, tasks that have not ended are left as they are.
///
/// | option | what it does |
/// |---|---|
/// | `threads = 4` | so many workers; `REJOIN_THREADS` overrides it |
/// | `crate = "path::rejoin"` | where the crate is, if not at `::rejoin` |
///
/// # Examples
///
/// ```
/// #[rejoin::main]
/// async fn main() {
///     assert_eq!(rejoin::spawn(async { 6 * 7 }).await, 42);
/// }
/// ```
///
/// With threads, and an error that ends the program:
///
/// ```
/// #[rejoin::main(threads = 2)]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let number: u32 = rejoin::spawn(async { "7".parse() }).await?;
///     assert_eq!(number, 7);
///     Ok(())
/// }
/// ```
///
/// What it is not for does not compile:
///
/// ```compile_fail
/// #[rejoin::main]
/// fn main() {} // is for an `async fn`; this one is not async
/// ```
///
/// ```compile_fail
/// #[rejoin::main]
/// async fn main(arguments: Vec<String>) {} // is for a function without arguments
/// ```
///
/// ```compile_fail
/// #[rejoin::main(workers = 2)] // there is no option `workers`; there are `threads` and `crate`
/// async fn main() {}
/// ```
///
/// ```compile_fail
/// #[rejoin::main(threads = 0)] // an executor without threads would run nothing
/// async fn main() {}
/// ```
pub use rejoin_macros::main;

/// Makes an async function a test, run on an executor of its own, or under many schedules.
///
/// Without `seeds`, the test runs in [`Executor::block_on`](crate::Executor::block_on) of an executor that ends with it: what it left is
/// cancelled. With `seeds`, it runs in a simulation once for each, by [`sim::check`](crate::sim::check).
///
/// | option | what it does |
/// |---|---|
/// | `seeds = 100` | runs under the seeds `0..100`; any range or collection of `u64` will do |
/// | `threads = 1` | so many workers; by default as many as there are processors |
/// | `crate = "path::rejoin"` | where the crate is, if not at `::rejoin` |
///
/// # Examples
///
/// ```
/// #[rejoin::test]
/// async fn adds() {
///     assert_eq!(rejoin::spawn(async { 1 + 1 }).await, 2);
/// }
///
/// #[rejoin::test(seeds = 1_000)]
/// async fn adds_under_every_schedule() {
///     assert_eq!(rejoin::spawn(async { 1 + 1 }).await, 2);
/// }
/// ```
///
/// What it is not for does not compile:
///
/// ```compile_fail
/// #[rejoin::test]
/// fn not_async() {} // is for an `async fn`; this one is not async
/// ```
///
/// ```compile_fail
/// #[rejoin::test]
/// #[test] // #[rejoin::test] makes the function a test; take #[test] away
/// async fn twice() {}
/// ```
///
/// ```compile_fail
/// #[rejoin::test(seeds = 10)]
/// async fn returns() -> Result<(), String> { // a test with seeds returns nothing
///     Ok(())
/// }
/// ```
///
/// ```compile_fail
/// #[rejoin::test(seeds = 10, threads = 2)] // with `seeds`, the seed chooses how many threads there are
/// async fn both() {}
/// ```
pub use rejoin_macros::test;
