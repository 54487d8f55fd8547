//! `…_spec` blocks of values that change over frames: exploration, entropy, clipping.

use super::{Fields, spec, spec_enum};

spec_enum! {
    /// How a scheduled value moves from its start to its end.
    pub enum ScheduleKind: "schedule" {
        /// Stays what it is.
        NoDecay = "no_decay",
        /// A straight line from start to end.
        LinearDecay = "linear_decay",
        /// Twenty steps, each by a factor of 0.9, or of 1/0.9 where the end value is larger.
        RateDecay = "rate_decay",
        /// A damped cosine.
        PeriodicDecay = "periodic_decay",
    }
}

spec! {
    /// A value as a function of the frame.
    pub struct ScheduleSpec {
        /// How the value moves.
        name as "name": ScheduleKind = required;
        /// The value before `start_step`.
        start_val: f64 = required;
        /// The value from `end_step` on; absent means `start_val`. SLM-Lab also takes 0 for absent.
        end_val: Option<f64> = nullable;
        /// Frame at which the change begins.
        start_step: u64 = default(0);
        /// Frame at which the change ends; not used by `no_decay`.
        end_step: u64 = default(0);
    }
    check ends_after_it_starts;
}

fn ends_after_it_starts(schedule: &ScheduleSpec, fields: &mut Fields<'_>) -> bool {
    let ok = schedule.name == ScheduleKind::NoDecay || schedule.end_step > schedule.start_step;
    if !ok {
        let (name, start) = (schedule.name.name(), schedule.start_step);
        let message = format!("{name} needs an end_step above start_step, which is {start}");
        let error = fields.node().error_in("end_step", message);
        fields.found().error(error);
    }
    ok
}

#[cfg(test)]
mod tests {
    use super::super::{Diagnostics, FromNode, parse};
    use super::*;

    fn read(text: &str) -> Result<ScheduleSpec, String> {
        let node = parse("t.yaml", text).unwrap();
        let mut found = Diagnostics::new();
        let value = ScheduleSpec::from_node(&node, &mut found);
        found.finish(value).map_err(|errors| errors.0[0].message.clone())
    }

    #[test]
    fn a_constant_needs_only_its_value() {
        let schedule = read("{name: no_decay, start_val: 0.2}").unwrap();
        assert_eq!((schedule.start_val, schedule.end_val), (0.2, None));
    }

    #[test]
    fn a_decay_without_an_end_is_an_error() {
        let error = read("{name: linear_decay, start_val: 1, end_val: 0, start_step: 5}");
        assert_eq!(
            error,
            Err("linear_decay needs an end_step above start_step, which is 5".to_owned())
        );
    }
}
