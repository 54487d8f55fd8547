//! What MuJoCo's renderer has of one model: its shapes in the context of OpenGL, and what is drawn of them.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::{Arc, Weak};
use std::thread;

use super::api::{Api, Rectangle};
use super::layout::{self, camera as field};
use super::model::Model;
use super::simulation::Simulation;

/// Most shapes that are drawn, those of decoration included.
const MAX_GEOMS: c_int = 10_000;
/// A model to try out, of a ball 2 meters wide.
const BALL: &str =
    "<mujoco><worldbody><light pos='0 -4 4' dir='0 1 -1'/><geom size='1'/></worldbody></mujoco>";

/// A picture to be taken.
#[derive(Clone, Copy)]
pub(crate) struct Shot {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    pub(crate) pose: Pose,
}

/// Where the camera is.
#[derive(Clone, Copy)]
pub(crate) enum Pose {
    /// The model's camera of this number.
    Fixed(usize),
    /// Some meters from what it looks at, turned by some degrees from x toward y, and some degrees upward.
    Free { look_at: [f64; 3], distance: f64, azimuth: f64, elevation: f64 },
}

/// A structure of MuJoCo's renderer, which is made and read there alone.
struct Structure(Box<[u64]>);

/// A model in the context of OpenGL that its thread has.
pub(super) struct Scene {
    api: &'static Api,
    model: Weak<Model>,
    option: Structure,
    camera: Structure,
    shapes: Structure,
    context: Structure,
}

impl Structure {
    fn new(bytes: usize) -> Self {
        Self(vec![0; bytes.div_ceil(8)].into())
    }

    fn raw(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    /// Writes a value at an offset.
    ///
    /// # Safety
    /// A `T` lies there.
    unsafe fn set<T>(&mut self, offset: usize, value: T) {
        // SAFETY: the caller knows what lies there.
        unsafe { self.raw().byte_add(offset).cast::<T>().write(value) }
    }
}

impl Scene {
    /// The shapes of a model, brought into the thread's context.
    pub(super) fn new(model: &Arc<Model>) -> Self {
        let api = model.api;
        let mut scene = Self {
            api,
            model: Arc::downgrade(model),
            option: Structure::new(layout::OPTION_SIZE),
            camera: Structure::new(layout::CAMERA_SIZE),
            shapes: Structure::new(layout::SCENE_SIZE),
            context: Structure::new(layout::CONTEXT_SIZE),
        };
        // SAFETY: the structures are MuJoCo's, of its sizes, and this thread has a context of OpenGL.
        unsafe {
            (api.mjv_defaultOption)(scene.option.raw());
            (api.mjv_defaultCamera)(scene.camera.raw());
            (api.mjv_defaultScene)(scene.shapes.raw());
            (api.mjv_makeScene)(model.raw(), scene.shapes.raw(), MAX_GEOMS);
            (api.mjr_defaultContext)(scene.context.raw());
            (api.mjr_makeContext)(model.raw(), scene.context.raw(), layout::FONT);
        }
        scene
    }

    /// Whether it is this model's.
    pub(super) fn is_of(&self, model: &Arc<Model>) -> bool {
        ptr::eq(self.model.as_ptr(), Arc::as_ptr(model))
    }

    /// Whether nothing has the model any more.
    pub(super) fn is_orphan(&self) -> bool {
        self.model.strong_count() == 0
    }

    /// `[height, width, 3]`: what the camera sees of a simulation of the model.
    pub(super) fn draw(&mut self, simulation: &Simulation, shot: &Shot) -> Result<Vec<u8>, String> {
        let too_large = |_| "a picture of such a size can not be drawn".to_owned();
        let (width, height) = shot.size;
        let width = c_int::try_from(width).map_err(too_large)?;
        let height = c_int::try_from(height).map_err(too_large)?;
        let whole = Rectangle { left: 0, bottom: 0, width, height };
        self.point(&shot.pose);
        let (api, model, data) = (self.api, simulation.model().raw(), simulation.raw());
        let (option, camera) = (self.option.raw(), self.camera.raw());
        let (shapes, context) = (self.shapes.raw(), self.context.raw());
        // SAFETY: the structures are MuJoCo's, the simulation is the model's, and this thread has the context.
        unsafe {
            (api.mjv_updateScene)(model, data, option, ptr::null(), camera, layout::ALL, shapes);
            (api.mjr_resizeOffscreen)(width, height, context);
            (api.mjr_setBuffer)(layout::OFFSCREEN, context);
            (api.mjr_render)(whole, shapes, context);
        }
        self.read(whole)
    }

    /// Points the camera.
    fn point(&mut self, pose: &Pose) {
        // SAFETY: these are the fields of MuJoCo's camera.
        unsafe {
            match *pose {
                Pose::Fixed(camera) => {
                    self.camera.set(field::TYPE, layout::CAMERA_FIXED);
                    self.camera.set(field::FIXEDCAMID, camera as c_int);
                }
                Pose::Free { look_at, distance, azimuth, elevation } => {
                    self.camera.set(field::TYPE, layout::CAMERA_FREE);
                    self.camera.set(field::LOOKAT, look_at);
                    self.camera.set(field::DISTANCE, distance);
                    self.camera.set(field::AZIMUTH, azimuth);
                    self.camera.set(field::ELEVATION, elevation);
                }
            }
        }
    }

    /// The pixels of the picture that was drawn, from the upper row down.
    fn read(&mut self, whole: Rectangle) -> Result<Vec<u8>, String> {
        let row = whole.width as usize * 3;
        let mut upward = vec![0; row * whole.height as usize];
        // SAFETY: there is room for its colors; depths are not asked for.
        let error = unsafe {
            let context = self.context.raw();
            (self.api.mjr_readPixels)(upward.as_mut_ptr(), ptr::null_mut(), whole, context);
            (self.api.mjr_getError)()
        };
        if error != 0 {
            return Err(format!("OpenGL error {error:#x}"));
        }
        Ok(upward.chunks_exact(row).rev().flatten().copied().collect())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // MuJoCo's errors come as panics; one more of them here would end the process.
        if thread::panicking() {
            return;
        }
        // SAFETY: both are freed once, here, and the thread has the context.
        unsafe {
            (self.api.mjr_freeContext)(self.context.raw());
            (self.api.mjv_freeScene)(self.shapes.raw());
        }
    }
}

/// Draws a ball in a light and looks at it, which also brings a driver to do what it does once.
///
/// # Errors
/// When it is not there: this OpenGL does not do what it is told.
pub(super) fn try_out() -> Result<(), String> {
    let pose = Pose::Free { look_at: [0.0; 3], distance: 4.0, azimuth: 90.0, elevation: 0.0 };
    let shot = Shot { size: (17, 17), pose };
    let model = Model::from_text(BALL).map_err(|error| format!("{error:?}"))?;
    let mut simulation = Simulation::new(Arc::new(model))?;
    simulation.forward();
    let picture = Scene::new(simulation.shared_model()).draw(&simulation, &shot)?;
    let (corner, middle) = (&picture[..3], &picture[8 * 17 * 3 + 8 * 3..][..3]);
    if middle == corner {
        return Err("OpenGL does not draw what it should".to_owned());
    }
    Ok(())
}
