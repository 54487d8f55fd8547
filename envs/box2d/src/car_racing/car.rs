//! The car: a hull on four wheels with tires that slip, rear-wheel drive.

use slm_env::{StateError, StateReader, StateWriter};

use super::single;
use super::skid::{Marks, Skid};
use super::track::Point;
use crate::physics::{
    BodyDef, BodyId, BodyType, Filter, FixtureDef, JointId, Polygon, State, Vec2, World,
};

/// Size of a unit of the drawings below.
pub(super) const SIZE: f64 = 0.02;
const ENGINE_POWER: f64 = 100_000_000.0 * SIZE * SIZE;
const WHEEL_INERTIA: f64 = 4000.0 * SIZE * SIZE;
/// Force at which a tire slips on the road; on grass at 0.6 of it.
const FRICTION_LIMIT: f64 = 1_000_000.0 * SIZE * SIZE;
/// Force for a tire's speed over ground.
const GRIP: f64 = 205_000.0 * SIZE * SIZE;
const BRAKE: f64 = 15.0; // rad/s a step
pub(super) const WHEEL_RADIUS: f64 = 27.0;
pub(super) const WHEEL_WIDTH: f64 = 14.0;
const WHEELS: [(f64, f64); 4] = [(-55.0, 80.0), (55.0, 80.0), (-55.0, -82.0), (55.0, -82.0)];
const HULL: [&[(f64, f64)]; 4] = [
    &[(-60.0, 130.0), (60.0, 130.0), (60.0, 110.0), (-60.0, 110.0)],
    &[(-15.0, 120.0), (15.0, 120.0), (20.0, 20.0), (-20.0, 20.0)],
    &[
        (25.0, 20.0),
        (50.0, -10.0),
        (50.0, -40.0),
        (20.0, -90.0),
        (-20.0, -90.0),
        (-50.0, -40.0),
        (-50.0, -10.0),
        (-25.0, 20.0),
    ],
    &[(-50.0, -120.0), (50.0, -120.0), (50.0, -90.0), (-50.0, -90.0)],
];

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Controls {
    /// Angle that the front wheels are to take, left positive.
    pub(super) steer: f64,
    pub(super) gas: f64,
    /// From 0.9 the wheels block.
    pub(super) brake: f64,
}

/// A wheel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wheel {
    pub(super) body: BodyId,
    pub(super) joint: JointId,
    gas: f64,
    brake: f64,
    steer: f64,
    /// Angle and speed of its rotation, rad and rad/s.
    pub(super) phase: f64,
    pub(super) omega: f64,
    /// Tiles of the road that it touches.
    pub(super) tiles: u32,
    skid: Skid,
}

/// The bodies and joints, and how the wheels turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Car {
    pub(super) hull: BodyId,
    pub(super) wheels: [Wheel; 4],
}

impl Car {
    /// Puts a car on a point of the road.
    pub(super) fn build(world: &mut World, at: Point) -> Self {
        let def = BodyDef {
            kind: BodyType::Dynamic,
            position: single((at.x, at.y)),
            angle: at.beta as f32,
            ..BodyDef::default()
        };
        let hull = world.create_body(&def);
        for outline in HULL {
            let mut corners = [Vec2::ZERO; 8];
            for (corner, &(x, y)) in corners.iter_mut().zip(outline) {
                *corner = single((x * SIZE, y * SIZE));
            }
            let shape = Polygon::new(&corners[..outline.len()]);
            world.create_fixture(hull, &FixtureDef { density: 1.0, ..FixtureDef::new(shape) });
        }
        let wheels = WHEELS.map(|(x, y)| {
            let position = single((at.x + x * SIZE, at.y + y * SIZE));
            Wheel::build(world, hull, &BodyDef { position, ..def }, single((x * SIZE, y * SIZE)))
        });
        Self { hull, wheels }
    }

    /// Moves the controls.
    pub(super) fn control(&mut self, controls: Controls) {
        for wheel in &mut self.wheels[..2] {
            wheel.steer = controls.steer;
        }
        let gas = controls.gas.clamp(0.0, 1.0);
        for wheel in &mut self.wheels[2..] {
            wheel.gas += (gas - wheel.gas).min(0.1);
        }
        for wheel in &mut self.wheels {
            wheel.brake = controls.brake;
        }
    }

    /// Steers, drives and brakes for `dt` seconds.
    pub(super) fn drive(&mut self, world: &mut World, marks: &mut Marks, dt: f64) {
        for wheel in &mut self.wheels {
            wheel.steer(world);
            wheel.spin(dt);
            wheel.slip(world, marks, dt);
        }
    }

    pub(super) fn save(&self, out: &mut StateWriter) {
        self.hull.save(out);
        for wheel in &self.wheels {
            wheel.body.save(out);
            wheel.joint.save(out);
            out.f64s(&[wheel.gas, wheel.brake, wheel.steer, wheel.phase, wheel.omega]);
            out.u32(wheel.tiles);
            wheel.skid.save(out);
        }
    }

    pub(super) fn load(from: &mut StateReader<'_>) -> Result<Self, StateError> {
        let hull = BodyId::load(from)?;
        let mut wheels = Vec::with_capacity(4);
        for _ in WHEELS {
            let (body, joint) = (BodyId::load(from)?, JointId::load(from)?);
            let mut values = [0.0; 5];
            from.f64s_into(&mut values)?;
            let [gas, brake, steer, phase, omega] = values;
            let (tiles, skid) = (from.u32()?, Skid::load(from)?);
            wheels.push(Wheel { body, joint, gas, brake, steer, phase, omega, tiles, skid });
        }
        let wheels = wheels.try_into().expect("as many as there are in a car");
        Ok(Self { hull, wheels })
    }
}

impl Wheel {
    fn build(world: &mut World, hull: BodyId, def: &BodyDef, anchor: Vec2) -> Self {
        let body = world.create_body(def);
        let (w, r) = (WHEEL_WIDTH * SIZE, WHEEL_RADIUS * SIZE);
        let shape = Polygon::new(&[(-w, r), (w, r), (w, -r), (-w, -r)].map(single));
        let filter = Filter { category: 0x20, mask: 1, ..Filter::default() };
        world.create_fixture(body, &FixtureDef { density: 0.1, filter, ..FixtureDef::new(shape) });
        let mut def = world.revolute_joint_def(hull, body);
        def.local_anchor_a = anchor;
        (def.enable_motor, def.enable_limit) = (true, true);
        (def.lower_angle, def.upper_angle) = (-0.4, 0.4);
        def.max_motor_torque = (180.0 * 900.0 * SIZE * SIZE) as f32;
        let joint = world.create_revolute_joint(&def);
        let (gas, brake, steer, phase, omega) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (tiles, skid) = (0, Skid::default());
        Self { body, joint, gas, brake, steer, phase, omega, tiles, skid }
    }

    /// Turns towards where the driver steers.
    fn steer(&self, world: &mut World) {
        let off = self.steer - f64::from(world.joint_angle(self.joint));
        let speed = sign(off) * (50.0 * off.abs()).min(3.0);
        world.set_motor_speed(self.joint, speed as f32);
    }

    /// Rolls by engine and brake.
    fn spin(&mut self, dt: f64) {
        self.omega += dt * ENGINE_POWER * self.gas / WHEEL_INERTIA / (self.omega.abs() + 5.0);
        if self.brake >= 0.9 {
            self.omega = 0.0;
        } else if self.brake > 0.0 {
            let brake = (BRAKE * self.brake).min(self.omega.abs());
            self.omega -= sign(self.omega) * brake;
        }
        self.phase += self.omega * dt;
    }

    /// Pushes the car as the tire grips or slips.
    fn slip(&mut self, world: &mut World, marks: &mut Marks, dt: f64) {
        let limit = if self.tiles == 0 { FRICTION_LIMIT * 0.6 } else { FRICTION_LIMIT };
        let rotation = world.transform(self.body).q;
        let forward = double(rotation.apply(Vec2::new(0.0, 1.0)));
        let side = double(rotation.apply(Vec2::new(1.0, 0.0)));
        let velocity = double(world.linear_velocity(self.body));
        let along = forward.0 * velocity.0 + forward.1 * velocity.1;
        let across = side.0 * velocity.0 + side.1 * velocity.1;
        let radius = WHEEL_RADIUS * SIZE;
        let (mut f, mut p) = ((-along + self.omega * radius) * GRIP, -across * GRIP);
        let force = (f * f + p * p).sqrt();
        if force > 2.0 * limit {
            self.skid.go_on(marks, world.position(self.body), self.tiles == 0);
        } else {
            self.skid.end();
        }
        if force > limit {
            (f, p) = (f / force * limit, p / force * limit);
        }
        self.omega -= dt * f * radius / WHEEL_INERTIA;
        let push = (p * side.0 + f * forward.0, p * side.1 + f * forward.1);
        world.apply_force_to_center(self.body, single(push));
    }
}

/// -1, 0 or 1.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn double(v: Vec2) -> (f64, f64) {
    (f64::from(v.x), f64::from(v.y))
}
