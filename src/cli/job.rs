//! `slm-lab run --job FILE`: runs one after another, as SLM-Lab's `{"spec_file": {"spec_name": "mode"}}`.

use std::fs;
use std::path::Path;

use slm_lab::config::{Diagnostics, Node, parse};

use super::failure::{Failure, Outcome};
use super::lab::Lab;
use super::run::{Request, execute};
use super::terminal::{has_color, say};

/// Runs everything in the file. A run that fails does not keep the next from starting; Ctrl-C does.
pub(super) fn run(lab: &Lab<'_>, path: &Path) -> Outcome {
    let requests = read(path)?;
    let mut failed = Vec::new();
    for (i, request) in requests.iter().enumerate() {
        let title = title(request);
        say(&format!("job {} of {}: {title}", i + 1, requests.len()));
        match execute(lab, request) {
            Ok(()) => {}
            Err(failure @ (Failure::Interrupted(_) | Failure::OutputClosed)) => {
                return Err(failure);
            }
            Err(failure) => {
                failure.message().iter().for_each(|text| say(text));
                failed.push((title, failure));
            }
        }
    }
    let titles: Vec<&str> = failed.iter().map(|(title, _)| title.as_str()).collect();
    let summary = format!("{} of {} failed: {}", failed.len(), requests.len(), titles.join(", "));
    match failed.first() {
        None => Ok(()),
        Some((_, Failure::Run(_))) => Err(Failure::Run(summary)),
        Some(_) => Err(Failure::Request(summary)),
    }
}

fn title(request: &Request) -> String {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    format!("{} {}", word(&request.file), word(&request.name))
}

fn read(path: &Path) -> Result<Vec<Request>, Failure> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Request(format!("job file {shown}: {error}")))?;
    let root = parse(&shown, &text)?;
    let mut found = Diagnostics::new();
    let requests = requests(&root, &mut found);
    if found.errors.is_empty() {
        Ok(requests)
    } else {
        Err(Failure::Spec(found.render(has_color()).trim_end().to_owned()))
    }
}

fn requests(root: &Node, found: &mut Diagnostics) -> Vec<Request> {
    let mut requests = Vec::new();
    for file in root.entries() {
        if file.node.entries().is_empty() {
            let message =
                format!("expected names of specs and modes, found {}", file.node.describe());
            found.error(file.node.error(message));
        }
        for spec in file.node.entries() {
            let (file, name) = (Some(file.key.clone()), Some(spec.key.clone()));
            match spec.node.as_str().unwrap_or_default().parse() {
                Ok(mode) => requests.push(Request { file, name, mode }),
                Err(message) => found.error(spec.node.error(message)),
            }
        }
    }
    if requests.is_empty() && found.errors.is_empty() {
        let message = r#"expected {"spec_file": {"spec_name": "mode"}}"#;
        found.error(root.error(message));
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::super::mode::Mode;
    use super::*;

    #[test]
    fn a_job_file_lists_runs_in_order() {
        let text = r#"{"a.json": {"x": "train", "y": "dev"}, "b.json": {"z": "train@latest"}}"#;
        let mut found = Diagnostics::new();
        let read = requests(&parse("job.json", text).unwrap(), &mut found);
        assert_eq!(
            read.iter().map(title).collect::<Vec<_>>(),
            ["a.json x", "a.json y", "b.json z"]
        );
        assert_eq!((read[0].mode.clone(), read[1].mode.clone()), (Mode::Train, Mode::Dev));
        assert!(found.is_ok());
    }

    #[test]
    fn every_wrong_mode_is_named_with_its_place() {
        let text = "a.json:\n  x: trian\n  y: 3\nb.json: []\n";
        let mut found = Diagnostics::new();
        requests(&parse("job.yaml", text).unwrap(), &mut found);
        let lines: Vec<u32> = found.errors.iter().map(|error| error.at.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
