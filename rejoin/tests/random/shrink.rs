//! Makes a program that fails smaller, as long as it still fails.

use crate::program::{Handling, Node, Step};

/// The smallest program that `fails`, as far as taking things away one by one finds it.
pub(crate) fn shrink(mut program: Node, fails: impl Fn(&Node) -> bool) -> Node {
    while let Some(smaller) = candidates(&program).into_iter().find(&fails) {
        program = smaller;
    }
    program
}

/// All programs that are one thing simpler than `node`, the boldest first.
fn candidates(node: &Node) -> Vec<Node> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Node)| {
        let mut smaller = node.clone();
        change(&mut smaller);
        if smaller != *node {
            all.push(smaller);
        }
    };
    let half = node.steps.len() / 2;
    with(&|smaller| drop(smaller.steps.drain(..half)));
    with(&|smaller| smaller.steps.truncate(half));
    for index in 0..node.steps.len() {
        with(&|smaller| drop(smaller.steps.remove(index)));
        // In place of a task, or of many, what one of them does.
        for child in node.steps[index].clone().nodes_mut() {
            with(&|smaller| drop(smaller.steps.splice(index..=index, child.steps.clone())));
            with(&|smaller| smaller.steps[index] = Step::Spawn(child.clone()));
        }
    }
    with(&|smaller| smaller.panics = false);
    with(&|smaller| smaller.drop_panics = false);
    with(&|smaller| smaller.output_drop_panics = false);
    with(&|smaller| smaller.handling = Handling::Plain);
    for index in 0..node.steps.len() {
        let mut step = node.steps[index].clone();
        for place in 0..step.nodes_mut().len() {
            for child in candidates(&step.nodes_mut()[place]) {
                with(&|smaller| smaller.steps[index].nodes_mut()[place] = child.clone());
            }
        }
    }
    all
}
