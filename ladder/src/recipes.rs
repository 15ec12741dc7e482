//! A page each for what people come for. All code in them runs as a test.
//!
//! - [Wait for all my components](wait_for_components)
//! - [Bound my concurrency](bound_concurrency)
//! - [Run blocking code](run_blocking_code)
//! - [Give way](give_way)
//! - [Sleep, timeout, interval](sleep_timeout_interval)
//! - [Why is my program stuck?](why_is_it_stuck)
//! - [Use it with tokio, hyper and axum](with_tokio_hyper_axum)
//! - [Embed it in a library](embed_in_a_library)

#[doc = "# Wait for all my components"]
#[doc = ""]
#[doc = include_str!("../recipes/wait_for_components.md")]
pub mod wait_for_components {}

#[doc = "# Bound my concurrency"]
#[doc = ""]
#[doc = include_str!("../recipes/bound_concurrency.md")]
pub mod bound_concurrency {}

#[doc = "# Run blocking code"]
#[doc = ""]
#[doc = include_str!("../recipes/run_blocking_code.md")]
pub mod run_blocking_code {}

#[doc = "# Give way"]
#[doc = ""]
#[doc = include_str!("../recipes/give_way.md")]
pub mod give_way {}

#[doc = "# Sleep, timeout, interval"]
#[doc = ""]
#[doc = include_str!("../recipes/sleep_timeout_interval.md")]
pub mod sleep_timeout_interval {}

#[doc = "# Why is my program stuck?"]
#[doc = ""]
#[doc = include_str!("../recipes/why_is_it_stuck.md")]
pub mod why_is_it_stuck {}

#[doc = "# Use it with tokio, hyper and axum"]
#[doc = ""]
#[doc = include_str!("../recipes/with_tokio_hyper_axum.md")]
pub mod with_tokio_hyper_axum {}

#[doc = "# Embed it in a library"]
#[doc = ""]
#[doc = include_str!("../recipes/embed_in_a_library.md")]
pub mod embed_in_a_library {}
