//! The examples that end by themselves, and check what they have got.

#![forbid(unsafe_code)]

#[path = "../examples/axum.rs"]
mod axum_example;
#[path = "../examples/reqwest.rs"]
mod reqwest_example;

#[test]
fn a_router_of_axum_answers_both_versions_and_stops_when_all_is_answered() {
    axum_example::main().unwrap();
}

#[test]
fn a_client_that_insists_on_tokio_has_its_answers() {
    reqwest_example::main().unwrap();
}
