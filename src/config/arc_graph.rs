//! `graph` of an `arc`: the order in which its modules follow one another.

use super::{Diagnostics, Node, hint};

/// The modules of a graph that is a chain, from input to output; other graphs are not built yet.
pub(super) fn chain(modules: &Node, graph: &Node, found: &mut Diagnostics) -> Option<Vec<Node>> {
    let (input, output) = (text_of(graph, "input", found)?, text_of(graph, "output", found)?);
    let steps = graph.get("modules").filter(|steps| !steps.entries().is_empty());
    let Some(steps) = steps else {
        found.error(graph.error_in("modules", "expected a mapping of modules to their inputs"));
        return None;
    };
    let mut at = input;
    let mut order = Vec::new();
    for step in steps.entries() {
        if !takes_only(&step.node, at) {
            found.not_built(&step.node, "TorchArc graph that is not a chain");
            return None;
        }
        order.push(module(modules, &step.key, &step.node, found)?);
        at = &step.key;
    }
    if at != output {
        found.not_built(graph.get("output")?, "TorchArc graph that is not a chain");
        return None;
    }
    Some(order)
}

/// The one name under `key` of the graph.
fn text_of<'a>(graph: &'a Node, key: &str, found: &mut Diagnostics) -> Option<&'a str> {
    match graph.get(key) {
        Some(node) if node.as_str().is_some() => node.as_str(),
        Some(node) => {
            found.not_built(node, "TorchArc graph with several inputs or outputs");
            None
        }
        None => {
            found.error(graph.error_in(key, format!("the key `{key}` is missing")));
            None
        }
    }
}

fn takes_only(inputs: &Node, name: &str) -> bool {
    match inputs.items() {
        [one] => one.as_str() == Some(name),
        _ => inputs.as_str() == Some(name),
    }
}

/// The module a graph node stands for; `name~tag` is module `name` once more.
fn module(modules: &Node, key: &str, step: &Node, found: &mut Diagnostics) -> Option<Node> {
    if key.contains('~') {
        found.not_built(step, "TorchArc module used twice");
        return None;
    }
    if let Some(module) = modules.get(key) {
        return Some(module.clone());
    }
    let error = step.error(format!("there is no module `{key}`"));
    let names = modules.entries().iter().map(|entry| entry.key.as_str());
    found.error(error.with_help(hint(key, names)));
    None
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn order(graph: &str) -> (Option<Vec<String>>, Diagnostics) {
        let modules = parse("m.yaml", "{a: {ReLU: }, b: {Tanh: }}").unwrap();
        let graph = parse("g.yaml", graph).unwrap();
        let mut found = Diagnostics::new();
        let order = chain(&modules, &graph, &mut found);
        (order.map(|nodes| nodes.into_iter().map(|node| node.path).collect()), found)
    }

    #[test]
    fn a_chain_gives_its_modules_in_order() {
        let (names, _) = order("{input: x, modules: {b: [x], a: b}, output: a}");
        assert_eq!(names, Some(vec!["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn branches_several_outputs_and_reuse_are_known_but_not_built() {
        for graph in [
            "{input: x, modules: {a: [x], b: [x]}, output: b}",
            "{input: [x, y], modules: {a: [x]}, output: a}",
            "{input: x, modules: {a: [x], b: [a]}, output: a}",
            "{input: x, modules: {a: [x], a~2: [a]}, output: a~2}",
        ] {
            let (names, found) = order(graph);
            assert_eq!(
                (names, found.unavailable.len(), found.errors.len()),
                (None, 1, 0),
                "{graph}"
            );
        }
    }

    #[test]
    fn a_missing_module_is_an_error_with_the_names_there_are() {
        let (_, found) = order("{input: x, modules: {c: [x]}, output: c}");
        assert_eq!(found.errors[0].message, "there is no module `c`");
        assert_eq!(found.errors[0].help.as_deref(), Some("one of a, b"));
    }
}
