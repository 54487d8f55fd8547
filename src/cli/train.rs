//! Modes `dev`, `train` and `train@…`: a run from its start or from its checkpoints, then its table.

use std::path::Path;
use std::time::Duration;

use slm_lab::analysis::report;
use slm_lab::experiment::{
    EnjoySource, Mode, Phase, Plan, SessionReport, TrialReport, device_of_run, resume_trial,
    run_trial,
};

use super::enjoy;
use super::failure::{Failure, Outcome};
use super::lab::Lab;
use super::terminal::{columns, print};

/// Trains from the start.
pub(super) fn fresh(lab: &Lab<'_>, plan: &Plan, mode: Mode) -> Outcome {
    let sessions = if mode == Mode::Dev { 1 } else { plan.spec.meta.max_session };
    let options = lab.run_options(mode, sessions, plan.device(lab.args.device))?;
    tracing::debug!("the spec with every default: {}", plan.expanded());
    let result = run_trial(plan, &options, &lab.console, lab.interrupt.flag());
    lab.console.finish_run();
    conclude(lab, &result?)
}

/// Goes on with the run in `folder`.
pub(super) fn resume(lab: &Lab<'_>, folder: &Path) -> Outcome {
    if lab.args.seed.is_some() {
        tracing::warn!("--seed changes nothing: a run goes on with the seed it was started with");
    }
    let (device, sessions) = device_of_run(folder, lab.args.device)?;
    let options = lab.run_options(Mode::Train, sessions, device)?;
    let result = resume_trial(folder, &options, &lab.console, lab.interrupt.flag());
    lab.console.finish_run();
    conclude(lab, &result?)
}

/// Prints what the run came to and what can be done next.
fn conclude(lab: &Lab<'_>, report: &TrialReport) -> Outcome {
    let folder = report.folder.display();
    let phases: String = report.sessions.iter().map(phases).collect();
    print(&format!("\n{}{phases}", table(report).to_text()))?;
    let mut rows = vec![["results".to_owned(), format!("{folder}")]];
    if let Some(trace) = &report.trace {
        let viewers = "open in Perfetto or chrome://tracing";
        rows.push(["trace".to_owned(), format!("{} ({viewers})", trace.display())]);
    }
    rows.push(["play".to_owned(), format!("slm-lab enjoy@{folder}")]);
    if !report.failures.is_empty() {
        rows.push(["go on".to_owned(), format!("slm-lab train@{folder}")]);
    }
    print(&format!("\n{}", columns(&rows)))?;
    if lab.args.render && !lab.console.has_window() {
        enjoy::play(lab, &EnjoySource::Folder(report.folder.clone()))?;
    }
    match report.failures.len() {
        0 => Ok(()),
        n => Err(Failure::Run(format!("{n} of {} sessions failed", n + report.sessions.len()))),
    }
}

fn table(report: &TrialReport) -> report::TrialReport {
    let session = |session: &SessionReport| report::SessionReport {
        session: session.session,
        total_reward_ma: session.total_reward_ma,
        best: session.best.map_or(f64::NAN, |(best, _)| best),
        eval: session.eval_return,
        frames: session.frame,
        wall_t: session.wall.as_secs_f64(),
        cpu_t: session.cpu.as_secs_f64(),
    };
    report::TrialReport {
        spec_name: report.spec_name.clone(),
        env: report.env.clone(),
        trial: 0,
        sessions: report.sessions.iter().map(session).collect(),
    }
}

/// Where a session's time went; nothing if it was not measured.
fn phases(session: &SessionReport) -> String {
    let Some(profile) = &session.profile else { return String::new() };
    let share = |time: Duration| {
        let share = time.as_secs_f64() / profile.total.as_secs_f64().max(f64::MIN_POSITIVE);
        format!("{:.1} %", 100.0 * share)
    };
    let row = |name: &str, time: Duration, calls: u64| {
        let each = time.as_secs_f64() * 1e6 / calls.max(1) as f64;
        let seconds = format!("{:.3} s", time.as_secs_f64());
        [name.to_owned(), seconds, share(time), calls.to_string(), format!("{each:.2} µs")]
    };
    let head = [&*format!("session {}", session.session), "time", "share", "calls", "each"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut rest = profile.total;
    for (phase, (time, calls)) in Phase::ALL.into_iter().zip(profile.phases) {
        rows.push(row(phase.name(), time, calls));
        rest = rest.saturating_sub(time);
    }
    let seconds = format!("{:.3} s", rest.as_secs_f64());
    rows.push(["rest".to_owned(), seconds, share(rest), String::new(), String::new()]);
    format!("\n{}", columns(&rows))
}
