//! The valley that both mountain cars drive in: its bounds, its start and its picture.

use slm_env::{Frame, Rng, StateError, StateReader};

/// Left wall.
pub(crate) const MIN_X: f64 = -1.2;
/// Right end.
pub(crate) const MAX_X: f64 = 0.6;
/// Most of the speed.
pub(crate) const MAX_SPEED: f64 = 0.07;

/// A start at rest near the bottom.
pub(crate) fn start(rng: &mut Rng) -> f64 {
    rng.uniform(-0.6, -0.4)
}

/// Reads a position and a velocity.
pub(crate) fn load(from: &mut StateReader<'_>) -> Result<(f64, f64), StateError> {
    let mut state = [0.0; 2];
    from.f64s_into(&mut state)?;
    Ok((state[0], state[1]))
}

/// Draws the hill, the car at `x` and the flag at `goal`.
pub(crate) fn render(frame: &mut Frame, x: f64, goal: f64) {
    frame.clear(600, 400, [255, 255, 255]);
    let hill: [(f64, f64); 100] =
        std::array::from_fn(|i| on_hill(MIN_X + (MAX_X - MIN_X) * i as f64 / 99.0));
    frame.polyline(&hill, 1.5, [0, 0, 0]);
    draw_car(frame, x);
    let (flag_x, foot) = on_hill(goal);
    let top = foot - 50.0;
    frame.line((flag_x, foot), (flag_x, top), 1.0, [0, 0, 0]);
    let flag = [(flag_x, top), (flag_x, top + 10.0), (flag_x + 25.0, top + 5.0)];
    frame.polygon(&flag, [204, 204, 0]);
}

fn draw_car(frame: &mut Frame, x: f64) {
    const CLEARANCE: f64 = 10.0; // pixels
    let (car_x, ground) = on_hill(x);
    let (offset, slope) = ((car_x, ground - CLEARANCE), (3.0 * x).cos());
    frame.rectangle(((-20.0, -20.0), (20.0, 0.0)), -slope, offset, [0, 0, 0]);
    let (sin, cos) = slope.sin_cos();
    for along in [10.0, -10.0] {
        let wheel = (offset.0 + along * cos, offset.1 - along * sin);
        frame.circle(wheel, 8.0, [128, 128, 128]);
    }
}

/// The pixel of the hill at `x`.
fn on_hill(x: f64) -> (f64, f64) {
    let scale = 600.0 / (MAX_X - MIN_X);
    let height = (3.0 * x).sin() * 0.45 + 0.55;
    ((x - MIN_X) * scale, 400.0 - height * scale)
}
