//! A session's evaluations: when they are due, and from which seeds.

use slm_env::{Rng, SeedSequence};

use super::error::RunError;
use super::observer::PlayProgress;
use super::play_meter::PlayMeter;
use super::player::Player;
use super::profile::Phase;
use super::session::{Session, stream_seed};
use super::team::NEVER;

/// Episodes of an evaluation.
pub(super) const EVAL_EPISODES: usize = 10;

impl Session<'_> {
    /// Evaluates at the end, and every `eval_frequency` frames if asked for, but no frame twice; false when
    /// interrupted.
    pub(super) fn evaluate_if_due(&mut self) -> Result<bool, RunError> {
        let Self { clock, tracker, setup, .. } = &*self;
        let meta = &setup.plan.spec.meta;
        let is_crossed = clock.frame() > 0 && clock.has_crossed(meta.eval_frequency);
        let is_due = clock.is_over() || (meta.rigorous_eval.0 && is_crossed);
        if !is_due {
            return Ok(true);
        }
        let frames = tracker.eval_table.column("frame").unwrap_or_default();
        let is_evaluated = frames.last() == Some(&(clock.frame() as f64));
        if is_evaluated { Ok(true) } else { self.evaluate() }
    }

    /// Plays greedily in environments apart; false, and nothing of it is kept, when interrupted.
    fn evaluate(&mut self) -> Result<bool, RunError> {
        let [seed, act_seed] = eval_seeds(&self.seed, self.tracker.eval_table.len() as u64);
        let mut player = match self.export()? {
            Some(policy) => Player::Greedy(Box::new(policy)),
            None => Player::Random(Rng::from_seed(act_seed)),
        };
        let Self { profiler, evaluator, tracker, clock, env, agent, setup, .. } = self;
        let in_lockstep = setup.team.is_some_and(|team| team.joint().is_some());
        let interrupt = if in_lockstep { &NEVER } else { setup.interrupt };
        let tell = |progress: &PlayProgress| setup.observer.evaluating(setup.index, progress);
        let interval = setup.options.progress_interval;
        let mut meter = PlayMeter::new(EVAL_EPISODES, interval, &tell);
        let play = || evaluator.run(&mut player, seed, interrupt, &mut meter);
        let Some(report) = profiler.time(Phase::Evaluate, play)? else { return Ok(false) };
        tracker.log_eval(report.mean(), clock, env.episode_stats(), &**agent);
        Ok(true)
    }
}

/// The seeds of evaluation k: its environments' and that of actions drawn there.
fn eval_seeds(seed: &SeedSequence, k: u64) -> [u64; 2] {
    ["eval", "eval_act"].map(|name| stream_seed(seed, name, k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_an_evaluation_are_drawn_from_no_environments_stream() {
        let seed = SeedSequence::new(7_u64).child("session", 0);
        for k in 0..100 {
            let [env, act] = eval_seeds(&seed, k);
            // Environment i draws from the stream of seed + i.
            assert!(!(env..env + EVAL_EPISODES as u64).contains(&act), "evaluation {k}");
        }
    }
}
