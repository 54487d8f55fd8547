//! A compiled model: what moves, what it looks like, which numbers drive it.

use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::slice;

use slm_env::EnvError;

use super::api::{Api, Files, RawModel};
use super::layout::{self, model as field};
use super::library::mujoco;

/// The name that a model in memory has.
const IN_MEMORY: &std::ffi::CStr = c"model.xml";
/// Most bytes of an error of the compiler.
const ERROR_LEN: usize = 1024;

/// A compiled model. It does not change, so that any number of simulations share it.
pub struct Model {
    pub(super) api: &'static Api,
    raw: NonNull<RawModel>,
}

// SAFETY: nothing writes to a model after it is compiled.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

/// A shape that a body has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geom {
    /// MuJoCo's number of the kind of shape.
    pub kind: i32,
    /// What the kind takes: radius, half lengths.
    pub size: [f64; 3],
    /// Radius of a sphere around it; 0 for planes, which have no end.
    pub bound: f64,
    /// Red, green, blue, opacity, from 0 to 1.
    pub rgba: [f32; 4],
    /// The group by which it is shown or not.
    pub group: i32,
}

impl Geom {
    /// Whether it is a plane.
    pub fn is_plane(&self) -> bool {
        self.kind == layout::PLANE
    }
}

impl Model {
    /// Compiles the text of a model.
    ///
    /// # Errors
    /// When MuJoCo's library is missing, or what the compiler says of the text.
    pub fn from_text(text: &str) -> Result<Self, ModelError> {
        let api = mujoco()?;
        let mut files = Files { implementation: ptr::null_mut() };
        let len = c_int::try_from(text.len()).map_err(|_| "it is too long".to_owned())?;
        // SAFETY: the file system in memory is made, filled, read and deleted here; the text outlives the calls.
        unsafe {
            (api.mj_defaultVFS)(&raw mut files);
            (api.mj_addBufferVFS)(&raw mut files, IN_MEMORY.as_ptr(), text.as_ptr().cast(), len);
            let model = Self::load(api, IN_MEMORY.as_ptr(), &raw const files);
            (api.mj_deleteVFS)(&raw mut files);
            model
        }
    }

    /// Compiles a file and what it includes.
    ///
    /// # Errors
    /// As [`Model::from_text`].
    pub fn from_file(path: &Path) -> Result<Self, ModelError> {
        let api = mujoco()?;
        let name = path.to_str().and_then(|path| CString::new(path).ok());
        let name = name.ok_or_else(|| format!("{} is no text", path.display()))?;
        // SAFETY: the name is a text that ends in a zero, and without files in memory the disk's are read.
        unsafe { Self::load(api, name.as_ptr(), ptr::null()) }
    }

    /// # Safety
    /// `name` is a text that ends in a zero, `files` null or a file system in memory.
    unsafe fn load(
        api: &'static Api,
        name: *const c_char,
        files: *const Files,
    ) -> Result<Self, ModelError> {
        let mut error = [0_u8; ERROR_LEN];
        // SAFETY: the caller's promises; the error is written within its length.
        let raw =
            unsafe { (api.mj_loadXML)(name, files, error.as_mut_ptr().cast(), ERROR_LEN as c_int) };
        let Some(raw) = NonNull::new(raw) else {
            let len = error.iter().position(|&byte| byte == 0).unwrap_or(ERROR_LEN);
            return Err(String::from_utf8_lossy(&error[..len]).trim_end().to_owned().into());
        };
        Ok(Self { api, raw })
    }

    pub(super) fn raw(&self) -> *const RawModel {
        self.raw.as_ptr()
    }

    /// The number at an offset.
    ///
    /// # Safety
    /// A `T` lies there.
    unsafe fn at<T: Copy>(&self, offset: usize) -> T {
        // SAFETY: the model lives, and the caller knows what lies there.
        unsafe { self.raw.as_ptr().byte_add(offset).cast::<T>().read() }
    }

    /// The array of `len` numbers whose address lies at an offset.
    ///
    /// # Safety
    /// Such an address lies there.
    unsafe fn array<T>(&self, offset: usize, len: usize) -> &[T] {
        if len == 0 {
            return &[];
        }
        // SAFETY: the model lives as long as the reference to it, and the caller knows what lies there.
        unsafe { slice::from_raw_parts(self.at::<*const T>(offset), len) }
    }

    fn count(&self, offset: usize) -> usize {
        // SAFETY: all offsets given are those of counts.
        unsafe { self.at::<i64>(offset) as usize }
    }

    /// Coordinates of a position.
    pub fn nq(&self) -> usize {
        self.count(field::NQ)
    }

    /// Coordinates of a velocity.
    pub fn nv(&self) -> usize {
        self.count(field::NV)
    }

    /// Numbers of an action.
    pub fn nu(&self) -> usize {
        self.count(field::NU)
    }

    /// Bodies, the world being the first.
    pub fn nbody(&self) -> usize {
        self.count(field::NBODY)
    }

    /// Sites: marked places on bodies.
    pub fn nsite(&self) -> usize {
        self.count(field::NSITE)
    }

    /// Shapes.
    pub fn ngeom(&self) -> usize {
        self.count(field::NGEOM)
    }

    /// Cameras.
    pub fn ncam(&self) -> usize {
        self.count(field::NCAM)
    }

    /// Seconds that a step of the physics takes.
    pub fn timestep(&self) -> f64 {
        // SAFETY: a number.
        unsafe { self.at(field::OPT_TIMESTEP) }
    }

    /// `[nbody]`: kilograms.
    pub fn body_mass(&self) -> &[f64] {
        // SAFETY: an array of numbers, one a body.
        unsafe { self.array(field::BODY_MASS, self.nbody()) }
    }

    /// `[nu]`: least and greatest of every number of an action.
    pub fn action_range(&self) -> &[[f64; 2]] {
        // SAFETY: an array of pairs, one an actuator.
        unsafe { self.array(field::ACTUATOR_CTRLRANGE, self.nu()) }
    }

    /// The body of this name.
    pub fn body(&self, name: &str) -> Option<usize> {
        self.find(layout::BODY, name)
    }

    /// The camera of this name.
    pub fn camera(&self, name: &str) -> Option<usize> {
        self.find(layout::CAMERA, name)
    }

    fn find(&self, kind: c_int, name: &str) -> Option<usize> {
        let name = CString::new(name).ok()?;
        // SAFETY: the name is a text that ends in a zero.
        let id = unsafe { (self.api.mj_name2id)(self.raw(), kind, name.as_ptr()) };
        usize::try_from(id).ok()
    }

    /// Center and size of everything.
    pub fn extent(&self) -> ([f64; 3], f64) {
        // SAFETY: three numbers, and one.
        unsafe { (self.at(field::STAT_CENTER), self.at(field::STAT_EXTENT)) }
    }

    /// Vertical field of view of a camera, or of the free one, in degrees.
    pub fn field_of_view(&self, camera: Option<usize>) -> f64 {
        // SAFETY: an array of numbers, one a camera; and a number of single precision.
        let (cameras, free): (&[f64], f32) =
            unsafe { (self.array(field::CAM_FOVY, self.ncam()), self.at(field::VIS_GLOBAL_FOVY)) };
        camera.map_or(f64::from(free), |camera| cameras[camera])
    }

    /// Shape `i`.
    pub fn geom(&self, i: usize) -> Geom {
        let n = self.ngeom();
        // SAFETY: arrays of what a shape has, one a shape.
        unsafe {
            Geom {
                kind: self.array::<i32>(field::GEOM_TYPE, n)[i],
                size: self.array::<[f64; 3]>(field::GEOM_SIZE, n)[i],
                bound: self.array::<f64>(field::GEOM_RBOUND, n)[i],
                rgba: self.array::<[f32; 4]>(field::GEOM_RGBA, n)[i],
                group: self.array::<i32>(field::GEOM_GROUP, n)[i],
            }
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: simulations hold the model, so that none is left.
        unsafe { (self.api.mj_deleteModel)(self.raw.as_ptr()) }
    }
}

/// Why there is no model.
#[derive(Debug)]
pub enum ModelError {
    /// MuJoCo's library is missing.
    Library(EnvError),
    /// What the compiler of models says.
    Wrong(String),
}

impl From<EnvError> for ModelError {
    fn from(error: EnvError) -> Self {
        Self::Library(error)
    }
}

impl From<String> for ModelError {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}
