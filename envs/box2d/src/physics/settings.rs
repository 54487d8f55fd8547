//! Box2D's tolerances, in meters, kilograms, seconds and radians.

use std::f32::consts::PI;

/// Overlap and separation that are left alone, m.
pub(super) const LINEAR_SLOP: f32 = 0.005;
/// The same for angles, rad.
pub(super) const ANGULAR_SLOP: f32 = 2.0 / 180.0 * PI;
/// Skin around edges and polygons, m.
pub(super) const POLYGON_RADIUS: f32 = 2.0 * LINEAR_SLOP;
/// How much larger the boxes of the broad phase are, m.
pub(super) const AABB_EXTENSION: f32 = 0.1;
/// How far they reach ahead, in displacements.
pub(super) const AABB_MULTIPLIER: f32 = 2.0;
/// The most impacts of one contact within a step.
pub(super) const MAX_SUB_STEPS: u32 = 8;
/// The most contacts that are solved with an impact.
pub(super) const MAX_TOI_CONTACTS: usize = 32;
/// The most bodies that are solved with an impact.
pub(super) const MAX_TOI_BODIES: usize = 2 * MAX_TOI_CONTACTS;
/// Slower collisions are inelastic, m/s.
pub(super) const VELOCITY_THRESHOLD: f32 = 1.0;
/// The most that a position is corrected at once, m.
pub(super) const MAX_LINEAR_CORRECTION: f32 = 0.2;
/// The most that an angle is corrected at once, rad.
pub(super) const MAX_ANGULAR_CORRECTION: f32 = 8.0 / 180.0 * PI;
/// The most that a body moves in a step, m.
pub(super) const MAX_TRANSLATION: f32 = 2.0;
/// The most that a body turns in a step, rad.
pub(super) const MAX_ROTATION: f32 = 0.5 * PI;
/// Share of an overlap that is removed at once.
pub(super) const BAUMGARTE: f32 = 0.2;
/// The same at impacts.
pub(super) const TOI_BAUMGARTE: f32 = 0.75;
/// How long bodies are at rest before they sleep, s.
pub(super) const TIME_TO_SLEEP: f32 = 0.5;
/// What counts as rest, m/s.
pub(super) const LINEAR_SLEEP_TOLERANCE: f32 = 0.01;
/// What counts as rest, rad/s.
pub(super) const ANGULAR_SLEEP_TOLERANCE: f32 = 2.0 / 180.0 * PI;
