//! Scenes recorded from pybox2d 2.3.10 (`oracle/record.py`), repeated: every state bit for bit.

use std::path::Path;

use serde_json::Value;
use slm_env::{StateError, StateReader, StateWriter};
use slm_env_box2d::physics::{
    BodyDef, BodyId, BodyType, Circle, Edge, Filter, FixtureDef, JointId, Polygon, Shape, Vec2,
    World,
};

/// A scene under way.
struct Scene {
    world: World,
    bodies: Vec<Option<BodyId>>,
    joints: Vec<JointId>,
    num_fixtures: u32,
    /// How many of the world's events have been taken.
    taken: usize,
    events: Vec<u32>,
    rays: Vec<u32>,
    /// Length and iterations of a step.
    settings: (f32, u32, u32),
}

fn number(value: &Value) -> f32 {
    value.as_f64().expect("a number") as f32
}

fn vector(value: &Value) -> Vec2 {
    Vec2::new(number(&value[0]), number(&value[1]))
}

fn index(value: &Value) -> usize {
    value.as_u64().expect("an index") as usize
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

fn shape(row: &Value) -> Shape {
    let data = &row["data"];
    match row["shape"].as_str().expect("a kind of shape") {
        "circle" => Circle { center: vector(&data[0]), radius: number(&data[1]) }.into(),
        "edge" => Edge::new(vector(&data[0]), vector(&data[1])).into(),
        _ => {
            let points: Vec<Vec2> = data.as_array().expect("points").iter().map(vector).collect();
            Polygon::new(&points).into()
        }
    }
}

impl Scene {
    fn new(head: &Value) -> Self {
        Self {
            world: World::new(vector(&head["gravity"])),
            bodies: Vec::new(),
            joints: Vec::new(),
            num_fixtures: 0,
            taken: 0,
            events: Vec::new(),
            rays: Vec::new(),
            settings: (0.0, 0, 0),
        }
    }

    fn body(&self, row: &Value, name: &str) -> BodyId {
        self.bodies[index(&row[name])].expect("a body that is there")
    }

    fn run(&mut self, row: &Value) {
        match row["op"].as_str().expect("an operation") {
            "body" => self.create_body(row),
            "fixture" => self.create_fixture(row),
            "joint" => self.create_joint(row),
            "motor" => {
                let joint = self.joints[index(&row["joint"])];
                self.world.set_motor_speed(joint, number(&row["speed"]));
                if !row["torque"].is_null() {
                    self.world.set_max_motor_torque(joint, number(&row["torque"]));
                }
            }
            "settings" => {
                let [velocity, position] = ["velocity", "position"].map(|name| index(&row[name]));
                self.settings = (number(&row["dt"]), velocity as u32, position as u32);
            }
            "ray" => self.cast(row),
            "destroy" => {
                let body = self.bodies[index(&row["body"])].take();
                self.world.destroy_body(body.expect("a body that is there"));
            }
            op => self.push(op, self.body(row, "body"), &row["args"]),
        }
    }

    fn create_body(&mut self, row: &Value) {
        let kind = match row["kind"].as_str().expect("a kind of body") {
            "static" => BodyType::Static,
            "kinematic" => BodyType::Kinematic,
            _ => BodyType::Dynamic,
        };
        let damping = |name: &str| row.get(name).map_or(0.0, number);
        let body = self.world.create_body(&BodyDef {
            kind,
            position: vector(&row["position"]),
            angle: number(&row["angle"]),
            linear_damping: damping("linearDamping"),
            angular_damping: damping("angularDamping"),
            fixed_rotation: flag(&row["fixedRotation"]),
            bullet: flag(&row["bullet"]),
            ..BodyDef::default()
        });
        self.bodies.push(Some(body));
    }

    fn create_fixture(&mut self, row: &Value) {
        let def = FixtureDef {
            density: number(&row["density"]),
            friction: number(&row["friction"]),
            restitution: number(&row["restitution"]),
            is_sensor: flag(&row["sensor"]),
            filter: Filter {
                category: index(&row["category"]) as u16,
                mask: index(&row["mask"]) as u16,
                group: number(&row["group"]) as i16,
            },
            tag: self.num_fixtures,
            ..FixtureDef::new(shape(row))
        };
        self.num_fixtures += 1;
        self.world.create_fixture(self.body(row, "body"), &def);
    }

    fn create_joint(&mut self, row: &Value) {
        let mut def = self.world.revolute_joint_def(self.body(row, "a"), self.body(row, "b"));
        def.local_anchor_a = vector(&row["anchor_a"]);
        def.local_anchor_b = vector(&row["anchor_b"]);
        def.enable_limit = flag(&row["enableLimit"]);
        def.enable_motor = flag(&row["enableMotor"]);
        def.collide_connected = flag(&row["collideConnected"]);
        let value = |name: &str| row.get(name).map_or(0.0, number);
        def.lower_angle = value("lowerAngle");
        def.upper_angle = value("upperAngle");
        def.motor_speed = value("motorSpeed");
        def.max_motor_torque = value("maxMotorTorque");
        self.joints.push(self.world.create_revolute_joint(&def));
    }

    fn cast(&mut self, row: &Value) {
        let (mask, mut found) = (index(&row["mask"]) as u16, [0; 5]);
        self.world.ray_cast(vector(&row["p1"]), vector(&row["p2"]), |hit| {
            if self.world.filter(hit.fixture).category & mask == 0 {
                return -1.0;
            }
            let [x, y, normal, fraction] =
                [hit.point.x, hit.point.y, hit.normal.x, hit.fraction].map(f32::to_bits);
            found = [self.world.fixture_tag(hit.fixture) + 1, x, y, normal, fraction];
            hit.fraction
        });
        self.rays.extend(found);
    }

    fn push(&mut self, op: &str, body: BodyId, args: &Value) {
        let world = &mut self.world;
        match op {
            "force" => world.apply_force(body, vector(&args[0]), vector(&args[1])),
            "center_force" => world.apply_force_to_center(body, vector(&args[0])),
            "torque" => world.apply_torque(body, number(&args[0])),
            "impulse" => world.apply_linear_impulse(body, vector(&args[0]), vector(&args[1])),
            "spin" => world.apply_angular_impulse(body, number(&args[0])),
            "velocity" => world.set_linear_velocity(body, vector(&args[0])),
            "angular_velocity" => world.set_angular_velocity(body, number(&args[0])),
            "transform" => world.set_transform(body, vector(&args[0]), number(&args[1])),
            other => panic!("unknown operation {other}"),
        }
    }

    /// Takes a row's steps and returns the states after them.
    fn steps(&mut self, row: &Value) -> Vec<u32> {
        (0..index(&row["n"]))
            .flat_map(|_| {
                self.step();
                self.state()
            })
            .collect()
    }

    fn step(&mut self) {
        self.take_events();
        let (dt, velocity, position) = self.settings;
        self.world.step(dt, velocity, position);
        self.taken = 0;
        self.take_events();
    }

    fn take_events(&mut self) {
        for event in &self.world.events()[self.taken..] {
            let [a, b] = event.fixtures.map(|fixture| self.world.fixture_tag(fixture));
            self.events.extend([u32::from(event.began), a, b]);
        }
        self.taken = self.world.events().len();
    }

    /// Everything that is compared, as the recording has it.
    fn state(&mut self) -> Vec<u32> {
        let world = &self.world;
        let mut words = std::mem::take(&mut self.rays);
        for body in self.bodies.iter().copied().flatten() {
            let (p, v, c) = (world.position(body), world.linear_velocity(body), world.center(body));
            let numbers = [
                p.x,
                p.y,
                world.angle(body),
                v.x,
                v.y,
                world.angular_velocity(body),
                c.x,
                c.y,
                world.mass(body),
                world.inertia(body),
            ];
            words.extend(numbers.map(f32::to_bits));
            words.push(u32::from(world.is_awake(body)));
        }
        words.append(&mut self.events);
        for contact in world.contacts() {
            words.extend(contact.fixtures.map(|fixture| world.fixture_tag(fixture)));
            words.push(u32::from(contact.is_touching));
        }
        words
    }
}

/// FNV-1a of little-endian words.
fn hash(words: &[u32]) -> String {
    let value = words
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |value: u64, byte| {
            (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{value:016x}")
}

/// Repeats a recording, and calls `after` with a row's states and the number of steps so far.
fn repeat(file: &Path, mut after: impl FnMut(&Value, &[u32], usize)) {
    let text = std::fs::read_to_string(file).expect("the recording is in the tree");
    let mut rows = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let mut scene = Scene::new(&rows.next().expect("a first line"));
    let mut steps = 0;
    for row in rows {
        if row["op"] == "step" {
            steps += index(&row["n"]);
            after(&row, &scene.steps(&row), steps);
        } else {
            scene.run(&row);
        }
    }
    assert!(steps > 0, "{} has steps", file.display());
}

fn assert_repeats(name: &str) {
    let file = format!("{}/tests/fixtures/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    repeat(Path::new(&file), |row, words, step| {
        assert_eq!(row["hash"], hash(words), "{name}, up to step {step}");
    });
}

#[test]
fn boxes_on_edges() {
    assert_repeats("boxes");
}

#[test]
fn a_pile_of_boxes_that_falls_asleep_and_is_woken() {
    assert_repeats("pile");
}

#[test]
fn a_chain_of_joints_with_motors_and_limits() {
    assert_repeats("pendulums");
}

#[test]
fn circles_and_bodies_of_several_shapes() {
    assert_repeats("circles");
}

#[test]
fn bodies_fast_enough_to_pass_through_walls() {
    assert_repeats("bullets");
}

#[test]
fn sensors_filters_and_bodies_that_come_and_go() {
    assert_repeats("filters");
}

#[test]
fn rays() {
    assert_repeats("rays");
}

#[test]
fn a_lander_and_its_particles() {
    assert_repeats("lander");
}

#[test]
fn a_walker_on_rough_ground() {
    assert_repeats("walker");
}

#[test]
fn a_car_over_sensors() {
    assert_repeats("car");
}

#[test]
fn random_scenes() {
    assert_repeats("fuzz0");
    assert_repeats("fuzz1");
}

#[test]
fn a_saved_world_goes_on_bit_for_bit() {
    let file = format!("{}/tests/fixtures/lander.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("the recording is in the tree");
    let rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let mut scene = Scene::new(&rows[0]);
    let mut num_words = 0;
    for row in &rows[1..] {
        if row["op"] != "step" {
            scene.run(row);
            continue;
        }
        let words = scene.steps(row);
        assert_eq!(row["hash"], hash(&words), "after {num_words} words");
        let mut out = StateWriter::new();
        scene.world.save(&mut out);
        let bytes = out.into_bytes();
        scene.world = World::new(Vec2::ZERO);
        let mut from = StateReader::new(&bytes);
        assert_eq!(scene.world.load(&mut from), Ok(()));
        assert_eq!(from.finish(), Ok(()));
        num_words += words.len();
    }
    assert!(num_words > 0, "the recording has steps");
}

#[test]
fn a_state_whose_numbers_point_nowhere_is_refused() {
    let mut world = World::new(Vec2::new(0.0, -10.0));
    let mut out = StateWriter::new();
    world.save(&mut out);
    let mut bytes = out.into_bytes();
    // Gravity, duration and flag take 13 bytes, four empty slabs 8 each; then comes the list of bodies.
    bytes[13 + 4 * 8..][..4].copy_from_slice(&7u32.to_le_bytes());
    let error = world.load(&mut StateReader::new(&bytes)).expect_err("there is no body 7");
    assert_eq!(error, StateError::mismatch("a world", "a number below 0", 7));
}
