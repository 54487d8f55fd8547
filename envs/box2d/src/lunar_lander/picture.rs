//! The picture: sky, moon, flags, lander, and the exhaust of its engines.

use slm_env::{Color, Frame, StateError, StateReader, StateWriter};

use super::scene::{self, Moon, PAD, PAD_Y, Scene};
use super::{FPS, HEIGHT, SCALE};
use crate::draw;
use crate::physics::World;

const WHITE: Color = [255, 255, 255];
const BLACK: Color = [0, 0, 0];
const BODY: Color = [128, 102, 230];
const EDGE: Color = [77, 77, 128];
const FLAG: Color = [204, 204, 0];

/// Particles a picture shows at most; the eighth is burnt out.
const PUFFS: usize = 16;
/// Impulse over mass of the two kinds of particle: power over density times π r², r = 1/15.
const MAIN_SPEED: f64 = 13.0 / (3.5 * std::f64::consts::PI / 225.0);
const SIDE_SPEED: f64 = 0.6 / (0.7 * std::f64::consts::PI / 225.0);
/// Steps after which a particle of full power is gone.
const LIFE: f32 = 7.0;

/// What the engines have blown out in the last steps; it is only seen, and moves nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Exhaust {
    puffs: [Puff; PUFFS],
    next: usize,
}

/// A particle as it left the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Puff {
    at: (f32, f32),
    velocity: (f32, f32),
    /// Share of an engine's power, 0 for none.
    power: f32,
    /// Steps since.
    age: f32,
}

impl Exhaust {
    /// A step goes by.
    pub(super) fn age(&mut self) {
        for puff in &mut self.puffs {
            puff.age += 1.0;
        }
    }

    /// The main engine blows from `at` along `offset`.
    pub(super) fn puff_main(&mut self, at: (f64, f64), offset: (f64, f64), power: f64) {
        self.puff(at, offset, power, MAIN_SPEED);
    }

    /// A side engine does.
    pub(super) fn puff_side(&mut self, at: (f64, f64), offset: (f64, f64), power: f64) {
        self.puff(at, offset, power, SIDE_SPEED);
    }

    fn puff(&mut self, at: (f64, f64), offset: (f64, f64), power: f64, speed: f64) {
        let velocity = ((offset.0 * speed * power) as f32, (offset.1 * speed * power) as f32);
        let at = (at.0 as f32, at.1 as f32);
        self.puffs[self.next] = Puff { at, velocity, power: power as f32, age: 0.0 };
        self.next = (self.next + 1) % PUFFS;
    }

    pub(super) fn draw(&self, gravity: f64, frame: &mut Frame) {
        for puff in self.puffs.iter().filter(|puff| puff.power > 0.0 && puff.age < LIFE) {
            let heat = f64::from(puff.power) - 0.15 * f64::from(puff.age + 1.0);
            let time = f64::from(puff.age + 1.0) / FPS;
            let x = f64::from(puff.at.0) + f64::from(puff.velocity.0) * time;
            let fall = 0.5 * gravity * time * time;
            let y = f64::from(puff.at.1) + f64::from(puff.velocity.1) * time + fall;
            let part = |share: f64| (share.max(0.2) * 255.0) as u8;
            let color = [part(0.15 + heat), part(0.5 * heat), part(0.5 * heat)];
            if heat >= 0.0 {
                frame.circle(pixel((x, y)), 2.0, color);
            }
        }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        for puff in &self.puffs {
            let Puff { at, velocity, power, age } = *puff;
            out.f32s(&[at.0, at.1, velocity.0, velocity.1, power, age]);
        }
        out.u32(self.next as u32);
    }

    pub(super) fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        for puff in &mut self.puffs {
            let mut values = [0.0; 6];
            from.f32s_into(&mut values)?;
            let [x, y, vx, vy, power, age] = values;
            *puff = Puff { at: (x, y), velocity: (vx, vy), power, age };
        }
        let next = from.u32()? as usize;
        if next >= PUFFS {
            return Err(StateError::mismatch("a particle's place", format!("below {PUFFS}"), next));
        }
        self.next = next;
        Ok(())
    }
}

/// Draws everything but the exhaust.
pub(super) fn draw(world: &World, scene: &Scene, moon: &Moon, frame: &mut Frame) {
    frame.clear(600, 400, WHITE);
    for pair in moon.points.windows(2) {
        let (left, right) = (pixel(pair[0]), pixel(pair[1]));
        frame.polygon(&[left, right, (right.0, 0.0), (left.0, 0.0)], BLACK);
    }
    for i in [PAD.0, PAD.1] {
        let (x, foot) = pixel((moon.points[i].0, PAD_Y));
        let top = foot - 50.0;
        frame.line((x, foot), (x, top), 1.0, WHITE);
        frame.polygon(&[(x, top), (x, top + 10.0), (x + 25.0, top + 5.0)], FLAG);
    }
    let leg = |(x, y): (f64, f64)| [(x, y), (-x, y), (-x, -y), (x, -y)];
    draw::outlined(frame, world.transform(scene.lander), &scene::BODY, &TO_PIXEL, (BODY, EDGE));
    for body in scene.legs {
        let corners = leg(scene::LEG_HALF);
        draw::outlined(frame, world.transform(body), &corners, &TO_PIXEL, (BODY, EDGE));
    }
}

const TO_PIXEL: draw::Scale = draw::Scale { body: SCALE, pixels: SCALE, left: 0.0, height: 400.0 };

fn pixel((x, y): (f64, f64)) -> (f64, f64) {
    (x * SCALE, (HEIGHT - y) * SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhaust_burns_out_after_seven_steps() {
        let mut exhaust = Exhaust::default();
        exhaust.puff_main((10.0, 8.0), (0.0, -0.1), 1.0);
        let mut ink = Vec::new();
        for _ in 0..8 {
            let mut frame = Frame::new();
            frame.clear(600, 400, BLACK);
            exhaust.draw(-10.0, &mut frame);
            ink.push(frame.rgb().iter().any(|&byte| byte > 0));
            exhaust.age();
        }
        // 1 - 0.15 n stays positive for n = 1, ..., 6.
        assert_eq!(ink, [true, true, true, true, true, true, false, false]);
    }
}
