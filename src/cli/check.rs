//! `slm-lab check`: everything that is wrong with a spec, or not built yet, at once.

use slm_lab::config::Diagnostics;
use slm_lab::experiment::Mode;

use super::args::CheckArgs;
use super::failure::{Failure, Outcome};
use super::lab::cores;
use super::spec::{self, SpecChoice};
use super::terminal::{columns, has_color, print, say};

/// Checks one spec of the file, or all.
pub(super) fn run(args: &CheckArgs) -> Outcome {
    let names = match &args.spec_name {
        Some(name) => vec![name.clone()],
        None => spec::names(&args.spec_file)?,
    };
    let (file, settings) = (args.spec_file.as_str(), args.set.as_slice());
    let threads = args.threads.unwrap_or_else(cores).min(cores());
    let mut rows = Vec::new();
    let mut is_ok = true;
    for name in &names {
        let choice = SpecChoice { file, name, settings, is_strict: args.strict };
        let mut found = choice.diagnostics();
        let plan = choice.read_to_train(Mode::Train, threads, &mut found);
        is_ok &= plan.is_some() && found.is_ok();
        let report = found.render(has_color());
        if !report.is_empty() {
            say(&report);
        }
        rows.push([name.clone(), verdict(plan.is_some(), &found)]);
    }
    print(&columns(&rows))?;
    if is_ok { Ok(()) } else { Err(Failure::Spec(format!("{file} can not run as it is"))) }
}

fn verdict(has_plan: bool, found: &Diagnostics) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    if !found.errors.is_empty() {
        return count(found.errors.len(), "error");
    }
    if !found.unavailable.is_empty() {
        let features: Vec<&str> = found.unavailable.iter().map(|f| f.feature.as_str()).collect();
        return format!("not built yet: {}", features.join(", "));
    }
    match (has_plan, found.warnings.len()) {
        (false, _) => "can not run".to_owned(),
        (true, 0) => "ok".to_owned(),
        (true, n) => format!("ok, {}", count(n, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use slm_lab::config::parse;

    use super::*;

    #[test]
    fn the_verdict_names_what_stands_in_the_way() {
        let node = parse("t.yaml", "a: 1").unwrap();
        let mut found = Diagnostics::new();
        assert_eq!(verdict(true, &found), "ok");
        found.warning(node.error("odd"));
        assert_eq!(verdict(true, &found), "ok, 1 warning");
        found.not_built(&node, "network ConvNet");
        assert_eq!(verdict(false, &found), "not built yet: network ConvNet");
        found.error(node.error("no"));
        found.error(node.error("no again"));
        assert_eq!(verdict(false, &found), "2 errors");
    }
}
