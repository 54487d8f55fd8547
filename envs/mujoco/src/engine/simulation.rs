//! A model in motion: its state, and what MuJoCo computes from it.

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use slm_env::{StateError, StateReader, StateWriter};

use super::api::RawData;
use super::layout::{self, data as field};
use super::model::{Geom, Model};

/// The state of a model, and what follows from it.
pub struct Simulation {
    model: Arc<Model>,
    raw: NonNull<RawData>,
}

// SAFETY: the data belong to this value alone, and MuJoCo keeps nothing by thread.
unsafe impl Send for Simulation {}

/// Declares arrays of results by name, field, element, and the count of the model that is their length.
macro_rules! results {
    ($($(#[$doc:meta])* $name:ident: $field:ident, [$element:ty; $count:ident];)*) => {
        impl Simulation {
            $($(#[$doc])*
            pub fn $name(&self) -> &[$element] {
                // SAFETY: an array of such elements, as many as the model says.
                unsafe { self.array(field::$field, self.model.$count()) }
            })*
        }
    };
}

results! {
    /// `[nq]`: positions.
    qpos: QPOS, [f64; nq];
    /// `[nv]`: velocities.
    qvel: QVEL, [f64; nv];
    /// `[nu]`: what the actuators are told.
    control: CTRL, [f64; nu];
    /// `[nbody]`: where bodies are.
    xpos: XPOS, [[f64; 3]; nbody];
    /// `[nbody]`: where their centers of mass are.
    xipos: XIPOS, [[f64; 3]; nbody];
    /// `[nbody]`: centers of mass of bodies with all that hangs on them.
    subtree_com: SUBTREE_COM, [[f64; 3]; nbody];
    /// `[nbody]`: inertia and mass.
    cinert: CINERT, [[f64; 10]; nbody];
    /// `[nbody]`: angular and linear velocity.
    cvel: CVEL, [[f64; 6]; nbody];
    /// `[nv]`: forces of the actuators.
    qfrc_actuator: QFRC_ACTUATOR, [f64; nv];
    /// `[nv]`: forces of limits and contacts.
    qfrc_constraint: QFRC_CONSTRAINT, [f64; nv];
    /// `[nbody]`: torque and force from outside.
    cfrc_ext: CFRC_EXT, [[f64; 6]; nbody];
    /// `[nsite]`: where sites are.
    site_xpos: SITE_XPOS, [[f64; 3]; nsite];
    /// `[ngeom]`: where shapes are.
    geom_xpos: GEOM_XPOS, [[f64; 3]; ngeom];
    /// `[ngeom]`: how they are turned, as matrices by rows.
    geom_xmat: GEOM_XMAT, [[f64; 9]; ngeom];
    /// `[ncam]`: where cameras are.
    cam_xpos: CAM_XPOS, [[f64; 3]; ncam];
    /// `[ncam]`: how they are turned: columns to the right, up, and backward.
    cam_xmat: CAM_XMAT, [[f64; 9]; ncam];
}

impl Simulation {
    /// A model at rest.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(model: Arc<Model>) -> Result<Self, String> {
        // SAFETY: the model lives.
        let raw = unsafe { (model.api.mj_makeData)(model.raw()) };
        let raw = NonNull::new(raw).ok_or("MuJoCo has no memory for a simulation")?;
        Ok(Self { model, raw })
    }

    /// The same at this moment, for looking at alone.
    pub(super) fn copy(&self) -> Result<Self, String> {
        let model = Arc::clone(&self.model);
        // SAFETY: the data are those of the model, and without a destination a new one is made.
        let raw = unsafe { (model.api.mjv_copyData)(ptr::null_mut(), model.raw(), self.raw()) };
        let raw = NonNull::new(raw).ok_or("MuJoCo has no memory for a picture")?;
        Ok(Self { model, raw })
    }

    pub(super) fn raw(&self) -> *mut RawData {
        self.raw.as_ptr()
    }

    pub(super) fn shared_model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What moves.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Back to rest, all else forgotten.
    pub fn reset(&mut self) {
        // SAFETY: the data are those of the model.
        unsafe { (self.model.api.mj_resetData)(self.model.raw(), self.raw.as_ptr()) }
    }

    /// Computes what follows from positions and velocities.
    pub fn forward(&mut self) {
        // SAFETY: the data are those of the model.
        unsafe { (self.model.api.mj_forward)(self.model.raw(), self.raw.as_ptr()) }
    }

    /// Takes steps of the physics.
    pub fn step(&mut self, steps: u32) {
        for _ in 0..steps {
            // SAFETY: the data are those of the model.
            unsafe { (self.model.api.mj_step)(self.model.raw(), self.raw.as_ptr()) }
        }
    }

    /// Computes the forces from outside, which a step leaves out.
    pub fn external_forces(&mut self) {
        // SAFETY: the data are those of the model.
        unsafe { (self.model.api.mj_rnePostConstraint)(self.model.raw(), self.raw.as_ptr()) }
    }

    /// Whether a number has left the finite since the last reset: MuJoCo has then started again from rest.
    pub fn has_diverged(&self) -> bool {
        layout::DIVERGENCES.iter().any(|warning| self.warnings(*warning) > 0)
    }

    /// Whether there were more contacts since the last reset than the model has memory for: MuJoCo has then left some
    /// out.
    pub fn has_overflowed(&self) -> bool {
        layout::OVERFLOWS.iter().any(|warning| self.warnings(*warning) > 0)
    }

    /// How often a warning was given since the last reset.
    fn warnings(&self, warning: usize) -> i32 {
        let offset = field::WARNING + warning * layout::WARNING_SIZE + layout::WARNING_NUMBER;
        // SAFETY: a count of warnings lies there.
        unsafe { self.raw.as_ptr().byte_add(offset).cast::<i32>().read() }
    }

    /// Distance from a point along a direction to a shape, in lengths of the direction, and the shape's normal there.
    pub fn ray(
        &self,
        geom: usize,
        point: &[f64; 3],
        direction: &[f64; 3],
    ) -> Option<(f64, [f64; 3])> {
        let (api, model, data) = (self.model.api, self.model.raw(), self.raw.as_ptr());
        let Geom { kind, size, .. } = self.model.geom(geom);
        let (place, turn) = (&self.geom_xpos()[geom], &self.geom_xmat()[geom]);
        let (from, along, id) = (point.as_ptr(), direction.as_ptr(), geom as c_int);
        let mut normal = [0.0; 3];
        let out = normal.as_mut_ptr();
        // SAFETY: all are arrays of the lengths that they take, and the shape is of the kind that each is for.
        let distance = unsafe {
            match kind {
                layout::HEIGHT_FIELD => (api.mj_rayHfield)(model, data, id, from, along, out),
                layout::MESH => (api.mj_rayMesh)(model, data, id, from, along, out),
                layout::PLANE..=layout::BOX => {
                    let (place, turn, size) = (place.as_ptr(), turn.as_ptr(), size.as_ptr());
                    (api.mju_rayGeom)(place, turn, size, from, along, kind, out)
                }
                _ => -1.0,
            }
        };
        (distance >= 0.0).then_some((distance, normal))
    }

    /// `[nq]`: positions, to write.
    pub fn qpos_mut(&mut self) -> &mut [f64] {
        // SAFETY: an array of numbers, of that length.
        unsafe { self.array_mut(field::QPOS, self.model.nq()) }
    }

    /// `[nv]`: velocities, to write.
    pub fn qvel_mut(&mut self) -> &mut [f64] {
        // SAFETY: an array of numbers, of that length.
        unsafe { self.array_mut(field::QVEL, self.model.nv()) }
    }

    /// `[nu]`: what the actuators are told, to write.
    pub fn control_mut(&mut self) -> &mut [f64] {
        // SAFETY: an array of numbers, of that length.
        unsafe { self.array_mut(field::CTRL, self.model.nu()) }
    }

    /// Writes the state.
    pub fn save(&self, out: &mut StateWriter) {
        let mut state = vec![0.0; self.state_len()];
        let (get, model) = (self.model.api.mj_getState, self.model.raw());
        // SAFETY: the array is as long as MuJoCo says.
        unsafe { get(model, self.raw.as_ptr(), state.as_mut_ptr(), layout::INTEGRATION) };
        out.f64s(&state);
    }

    /// Takes over a saved state, and computes where everything is.
    ///
    /// # Errors
    /// When the bytes are not those of this model.
    pub fn load(&mut self, from: &mut StateReader<'_>) -> Result<(), StateError> {
        let mut state = vec![0.0; self.state_len()];
        from.f64s_into(&mut state)?;
        self.reset();
        let (api, model, data) = (self.model.api, self.model.raw(), self.raw.as_ptr());
        // SAFETY: the array is as long as MuJoCo says, and the data are those of the model.
        unsafe {
            (api.mj_setState)(model, data, state.as_ptr(), layout::INTEGRATION);
            (api.mj_kinematics)(model, data);
            (api.mj_comPos)(model, data);
            (api.mj_camlight)(model, data);
        }
        Ok(())
    }

    fn state_len(&self) -> usize {
        // SAFETY: the model lives.
        unsafe { (self.model.api.mj_stateSize)(self.model.raw(), layout::INTEGRATION) as usize }
    }

    /// # Safety
    /// At the offset lies the address of such an array.
    unsafe fn array<T>(&self, offset: usize, len: usize) -> &[T] {
        if len == 0 {
            return &[];
        }
        // SAFETY: the data live as long as the reference to them, and the caller knows what lies there.
        unsafe { slice::from_raw_parts(self.address(offset), len) }
    }

    /// # Safety
    /// As [`Simulation::array`].
    unsafe fn array_mut<T>(&mut self, offset: usize, len: usize) -> &mut [T] {
        if len == 0 {
            return &mut [];
        }
        // SAFETY: as above, and nothing else refers to them.
        unsafe { slice::from_raw_parts_mut(self.address(offset), len) }
    }

    /// # Safety
    /// An address lies at the offset.
    unsafe fn address<T>(&self, offset: usize) -> *mut T {
        // SAFETY: the data live, and the caller knows what lies there.
        unsafe { self.raw.as_ptr().byte_add(offset).cast::<*mut T>().read() }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // SAFETY: it is deleted once, here.
        unsafe { (self.model.api.mj_deleteData)(self.raw.as_ptr()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::engine::ModelError;

    /// Balls that overlap, in a model of this much memory; none where MuJoCo is not here.
    pub(in crate::engine) fn balls(n: usize, memory: &str) -> Option<Simulation> {
        let ball = "<body><freejoint/><geom size='0.1'/></body>".repeat(n);
        let text =
            format!("<mujoco><size memory='{memory}'/><worldbody>{ball}</worldbody></mujoco>");
        match Model::from_text(&text) {
            Ok(model) => Some(Simulation::new(Arc::new(model)).expect("there is memory")),
            Err(ModelError::Library(_)) => None,
            Err(ModelError::Wrong(reason)) => panic!("{reason}"),
        }
    }

    #[test]
    fn an_error_in_a_step_is_a_panic_that_says_what_is_wrong() {
        let Some(mut simulation) = balls(2, "4K") else { return };
        let panic =
            catch_unwind(AssertUnwindSafe(|| simulation.step(1))).expect_err("it is too little");
        let message = panic.downcast_ref::<String>().expect("a panic has a text");
        assert!(message.starts_with("MuJoCo: mj_stackAlloc: out of memory"), "{message}");
    }

    #[test]
    fn contacts_without_room_are_noticed() {
        let Some(mut simulation) = balls(12, "1M") else { return };
        simulation.step(1);
        assert!(!simulation.has_overflowed());
        let mut simulation = balls(12, "60K").expect("MuJoCo is here");
        simulation.step(1);
        assert!(simulation.has_overflowed());
        simulation.reset();
        assert!(!simulation.has_overflowed());
    }
}
