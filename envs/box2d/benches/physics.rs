//! Nanoseconds a step of the bodies of `LunarLander` and `BipedalWalker` takes, with random engines and motors.
#![allow(clippy::print_stdout, reason = "the output is the result")]

use std::time::Instant;

use slm_env::Rng;
use slm_env_box2d::physics::{
    BodyDef, BodyId, BodyType, Edge, Filter, FixtureDef, JointId, Polygon, Vec2, World,
};

const ROUNDS: usize = 9;
const EPISODES: usize = 100;

fn v(x: f64, y: f64) -> Vec2 {
    Vec2::new(x as f32, y as f32)
}

fn scaled(points: &[(f64, f64)]) -> Polygon {
    let points: Vec<Vec2> = points.iter().map(|(x, y)| v(x / 30.0, y / 30.0)).collect();
    Polygon::new(&points)
}

fn dynamic(position: Vec2, angle: f32) -> BodyDef {
    BodyDef { kind: BodyType::Dynamic, position, angle, ..BodyDef::default() }
}

fn limb(shape: Polygon, density: f32, category: u16) -> FixtureDef {
    let filter = Filter { category, mask: 1, group: 0 };
    FixtureDef { density, friction: 0.1, filter, ..FixtureDef::new(shape) }
}

/// Where the ground lies, and a lander above it.
fn lander(world: &mut World, rng: &mut Rng) -> BodyId {
    world.reset(v(0.0, -10.0));
    let moon = world.create_body(&BodyDef::default());
    world.create_fixture(moon, &FixtureDef::new(Edge::new(v(0.0, 0.0), v(20.0, 0.0))));
    let heights: Vec<f64> = (0..11).map(|_| rng.uniform(2.0, 5.0)).collect();
    for i in 0..10 {
        let x = 2.0 * i as f64;
        let edge = Edge::new(v(x, heights[i]), v(x + 2.0, heights[i + 1]));
        world.create_fixture(moon, &FixtureDef { friction: 0.1, ..FixtureDef::new(edge) });
    }
    let outline =
        [(-14.0, 17.0), (-17.0, 0.0), (-17.0, -10.0), (17.0, -10.0), (17.0, 0.0), (14.0, 17.0)];
    let hull = world.create_body(&dynamic(v(10.0, 400.0 / 30.0), 0.0));
    world.create_fixture(hull, &limb(scaled(&outline), 5.0, 0x10));
    world.apply_force_to_center(hull, v(rng.uniform(-1e3, 1e3), rng.uniform(-1e3, 1e3)));
    for side in [-1.0_f32, 1.0] {
        let x = 10.0 - side * 20.0 / 30.0;
        let leg = world.create_body(&dynamic(Vec2::new(x, 400.0 / 30.0), side * 0.05));
        world.create_fixture(leg, &limb(Polygon::new_box(2.0 / 30.0, 8.0 / 30.0), 1.0, 0x20));
        let mut def = world.revolute_joint_def(hull, leg);
        def.local_anchor_b = Vec2::new(side * 20.0 / 30.0, 18.0 / 30.0);
        (def.enable_motor, def.enable_limit) = (true, true);
        (def.max_motor_torque, def.motor_speed) = (40.0, 0.3 * side);
        (def.lower_angle, def.upper_angle) = if side < 0.0 { (0.4, 0.9) } else { (-0.9, -0.4) };
        world.create_revolute_joint(&def);
    }
    hull
}

fn fly(world: &mut World, rng: &mut Rng) -> usize {
    let hull = lander(world, rng);
    for _ in 0..100 {
        let at = world.position(hull) + v(rng.uniform(-0.5, 0.5), -0.5);
        match rng.integers(0, 4) {
            0 => {}
            1 => world.apply_linear_impulse(hull, v(rng.uniform(-0.6, 0.6), 0.1), at),
            _ => world.apply_linear_impulse(hull, v(rng.uniform(-1.0, 1.0), 5.0), at),
        }
        world.step(1.0 / 50.0, 180, 60);
    }
    100
}

/// Ground of 200 edges, and a walker on it.
fn walker(world: &mut World, rng: &mut Rng) -> (BodyId, Vec<JointId>) {
    const TILE: f64 = 14.0 / 30.0;
    world.reset(v(0.0, -10.0));
    let mut y = 400.0 / 30.0 / 4.0;
    for i in 0..199 {
        let last = y;
        y += if i > 20 { rng.uniform(-0.1, 0.1) } else { 0.0 };
        let tile = world.create_body(&BodyDef::default());
        let edge = Edge::new(v(TILE * f64::from(i), last), v(TILE * f64::from(i + 1), y));
        world.create_fixture(tile, &FixtureDef { friction: 2.5, ..FixtureDef::new(edge) });
    }
    let (x0, y0) = (TILE * 10.0, 400.0 / 30.0 / 4.0 + 68.0 / 30.0);
    let outline = [(-30.0, 9.0), (6.0, 9.0), (34.0, 1.0), (34.0, -8.0), (-30.0, -8.0)];
    let hull = world.create_body(&dynamic(v(x0, y0), 0.0));
    world.create_fixture(hull, &limb(scaled(&outline), 5.0, 0x20));
    let mut joints = Vec::new();
    for side in [-1.0_f32, 1.0] {
        let mut above = (hull, v(0.0, -8.0 / 30.0));
        for (width, drop, lower, upper) in [(4.0, 9.0, -0.8, 1.1), (3.2, 43.0, -1.6, -0.1)] {
            let leg = world.create_body(&dynamic(v(x0, y0 - drop / 30.0), side * 0.05));
            let shape = Polygon::new_box(width / 30.0, 17.0 / 30.0);
            world.create_fixture(leg, &limb(shape, 1.0, 0x20));
            let mut def = world.revolute_joint_def(above.0, leg);
            (def.local_anchor_a, def.local_anchor_b) = (above.1, v(0.0, 17.0 / 30.0));
            (def.enable_motor, def.enable_limit, def.max_motor_torque) = (true, true, 80.0);
            (def.lower_angle, def.upper_angle, def.motor_speed) = (lower, upper, 1.0);
            joints.push(world.create_revolute_joint(&def));
            above = (leg, v(0.0, -17.0 / 30.0));
        }
    }
    (hull, joints)
}

fn walk(world: &mut World, rng: &mut Rng) -> usize {
    let (hull, joints) = walker(world, rng);
    for step in 1..=200 {
        for joint in &joints {
            let speed = if rng.uniform(-1.0, 1.0) < 0.0 { -5.0 } else { 5.0 };
            world.set_motor_speed(*joint, speed);
            world.set_max_motor_torque(*joint, rng.uniform(0.0, 80.0) as f32);
        }
        world.step(1.0 / 50.0, 180, 60);
        let p1 = world.position(hull);
        for i in 0..10 {
            let (sin, cos) = (0.15 * f64::from(i)).sin_cos();
            world.ray_cast(p1, p1 + v(sin * 160.0 / 30.0, -cos * 160.0 / 30.0), |hit| {
                if world.filter(hit.fixture).category & 1 == 0 { -1.0 } else { hit.fraction }
            });
        }
        if world.events().iter().any(|event| event.began && event.bodies.contains(&hull)) {
            return step;
        }
    }
    200
}

fn main() {
    let mut world = World::new(Vec2::ZERO);
    for (name, play) in [("lander", fly as fn(&mut World, &mut Rng) -> usize), ("walker", walk)] {
        let mut rng = Rng::from_seed(0);
        let mut nanos: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                let steps: usize = (0..EPISODES).map(|_| play(&mut world, &mut rng)).sum();
                start.elapsed().as_nanos() as f64 / steps as f64
            })
            .collect();
        nanos.sort_by(f64::total_cmp);
        println!("{name:10} {:8.0} ns (best {:.0})", nanos[ROUNDS / 2], nanos[0]);
    }
}
